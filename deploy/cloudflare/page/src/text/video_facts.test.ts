import assert from "node:assert/strict";
import { test } from "node:test";
import { factsText, isUsualCodec } from "./video_facts.ts";

test("a video's facts stand in one line", () => {
  const facts = { width: 320, height: 180, frames: 144, fps: 23.976023, durationS: 6.006, codec: "avc" };
  assert.equal(factsText(facts, 284_000), "320 × 180, 6 s, 23.98 frames per second, H.264, 284 kB");
  assert.equal(
    factsText({ ...facts, fps: null, codec: "<b>odd</b>", durationS: 75 }, 7_340_032),
    "320 × 180, 1 min 15 s, <b>odd</b>, 7.34 MB",
  );
  assert.equal(factsText(null, 7_340_032), "7.34 MB");
});

test("a codec that browsers play is not blamed for a container that they cannot read", () => {
  for (const codec of ["avc", "vp8", "vp9", "av1"]) assert.ok(isUsualCodec(codec));
  for (const codec of ["hevc", "prores", "mp4v"]) assert.ok(!isUsualCodec(codec));
});
