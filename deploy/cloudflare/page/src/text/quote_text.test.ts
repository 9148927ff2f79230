import assert from "node:assert/strict";
import { test } from "node:test";
import { expectedText, priceChangeText, quoteText, shortageText, sourceText } from "./quote_text.ts";

test("a quote says what a job costs, at most, and when it is ready", () => {
  assert.equal(
    quoteText({ expected: 18_850, hold: 48_750, ready_in_s: 118, film: null }),
    "About 0.02 $, at most 0.05 $, ready in about 2 min.",
  );
});

test("a quote for a film says in how many parts it is made, and by how many workers", () => {
  const film = {
    is_preview: false,
    segments: 40,
    workers: 3,
    cold_starts: 3,
    work_sec: 30,
    frames_cost: 1,
    plan_cost: 1,
    assemble_cost: 1,
    reused: 0,
  };
  assert.equal(
    quoteText({ expected: 1_200_000, hold: 2_400_000, ready_in_s: 720, film }),
    "About 1.20 $, at most 2.40 $, ready in about 12 min. About 40 parts, by 3 workers at once.",
  );
});

test("a wallet that has too little is told what both amounts are", () => {
  assert.equal(shortageText(90_000, 90_000), null);
  const text = shortageText(12_000, 84_500) ?? "";
  assert.match(text, /^The wallet has 0\.01 \$; this job may cost up to 0\.09 \$\./);
});

test("a price that has changed is told with both prices", () => {
  const before = { expected: 20_000, hold: 60_000 };
  assert.equal(priceChangeText(before, { ...before }), null);
  assert.match(priceChangeText(before, { expected: 30_000, hold: 90_000 }) ?? "", /0\.02 \$.*0\.03 \$/);
});

test("the source of the figures is one short sentence", () => {
  const text = (figures_from: string, is_speed_known = true) => sourceText({ figures_from, is_speed_known });
  assert.equal(
    text("measured by `framewright upscale a.mp4`, wall time; 2 cores (README.md), 2026-11-24"),
    "Figures from a measurement of 2026-11-24.",
  );
  assert.equal(
    text("taken from a README at adea1bdb, 2026-11-25"),
    "Figures from a published measurement, taken over on 2026-11-25.",
  );
  assert.equal(
    text("taken from our assumption: x264 on few cores, 2026-11-29", false),
    "Figures from an assumption of 2026-11-29.",
  );
  assert.equal(text("taken from a data sheet"), "Figures taken from a data sheet.");
});

test("what a job was to cost is an estimate and a limit", () => {
  assert.equal(expectedText(14_300, 171_600), "about 0.01 $ expected, at most 0.18 $");
});
