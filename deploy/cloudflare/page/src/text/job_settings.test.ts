import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf } from "./job_settings.ts";

const settings = (params: Record<string, unknown>) => settingsOf({ params });

test("settings have the names that the forms give them", () => {
  assert.deepEqual(settings({ scale: 2, quality: "low", tonemap: false, model: null }), [
    ["Scale", "2×"],
    ["Quality", "low"],
  ]);
  assert.deepEqual(settings({ classes: ["person", "car"], fill_gaps_sec: 0.5, confidence: 0.3 }), [
    ["What to track", "person, car"],
    ["Fill gaps", "0.5 s"],
    ["Confidence", "0.3"],
  ]);
});

test("the part that an export takes is said in words", () => {
  const box = { x: 64, y: 20.4, w: 192, h: 128 };
  assert.deepEqual(settings({ crop: box, start: 1.5, end: 90 }), [
    ["Crop", "192 × 128 at 64, 20"],
    ["Start", "at 1.5 s"],
    ["End", "at 1 min 30 s"],
  ]);
  assert.deepEqual(
    settings({
      crop: [
        { ...box, t: 0 },
        { ...box, t: 1 },
      ],
    }),
    [["Crop", "a path with 2 keyframes"]],
  );
  assert.deepEqual(
    settings({ follow: { track: 3, aspect: "9:16" }, tracks: "https://bucket.example/x?sig=1" }),
    [["Follow", "track 3, 9:16"]],
  );
  assert.deepEqual(settings({ follow: { track: "main", aspect: null, zoom: 1.5, safe: { bottom: 0.2 } } }), [
    ["Follow", "the main subject, zoom 1.5×, captions cover bottom 20 %"],
  ]);
});
