import assert from "node:assert/strict";
import { test } from "node:test";
import { type FidelityReport, findingsOf, worstOf } from "./findings.ts";

const REPORT: FidelityReport = {
  width: 640,
  height: 360,
  frames_read: 100,
  frames_written: 100,
  frames_in_output: 100,
  source_duration_sec: 4,
  duration_sec: 4,
  av_offset_ms: 2.04,
  psnr_luma_db: { worst: 33, mean: 38.24 },
  psnr_rgb_db: { worst: 32, mean: 36 },
  ssim: { worst: 0.95, mean: 0.9712 },
  colour_distance: { worst: 1.2, mean: 0.8 },
  colour_error: [0.2, -0.46, 0.1],
  pictures: [],
};

function words(change: Partial<FidelityReport>): string[] {
  return findingsOf({ ...REPORT, ...change }).map((finding) => `${finding.words} (${finding.kind})`);
}

test("a good report", () => {
  assert.deepEqual(words({}), [
    "Good (good)",
    "All there (good)",
    "In sync (good)",
    "No visible shift (good)",
  ]);
  assert.deepEqual(
    findingsOf(REPORT).map(({ details }) => details),
    [
      "PSNR 38.2 dB and SSIM 0.971 on average",
      "100 read, 100 written, 100 in the output",
      "Within 2.0 ms of the source",
      "Shifted by 0.5 of 255 levels at most, ΔE 0.8",
    ],
  );
});

test("the picture is judged by the better measure, and is never bad: a model may sharpen it", () => {
  const picture = (psnr: number, ssim: number) =>
    words({ psnr_luma_db: { worst: psnr, mean: psnr }, ssim: { worst: ssim, mean: ssim } })[0];
  assert.equal(picture(45, 0.9), "Nearly identical (good)");
  assert.equal(picture(32, 0.991), "Nearly identical (good)");
  assert.equal(picture(44.9, 0.989), "Good (good)");
  assert.equal(picture(33, 0.5), "Good (good)");
  assert.equal(picture(32.9, 0.949), "Visibly different (plain)");
});

test("frames, sound and colour that are not as in the source", () => {
  assert.equal(words({ frames_read: 103 })[1], "3 left out (plain)");
  assert.equal(words({ frames_in_output: 98 })[1], "2 missing (bad)");
  assert.equal(words({ av_offset_ms: null })[2], "None (plain)");
  assert.equal(words({ av_offset_ms: -45 })[2], "In sync (good)");
  assert.equal(words({ av_offset_ms: -46 })[2], "Early (bad)");
  assert.equal(words({ av_offset_ms: 126 })[2], "Late (bad)");
  assert.equal(words({ colour_distance: { worst: 5, mean: 2.3 } })[3], "Visibly shifted (plain)");
});

test("the worst frame has the lowest PSNR", () => {
  assert.equal(worstOf([40, 31.2, 33, 31.3].map((db) => ({ psnr_luma_db: db }))), 1);
  assert.equal(worstOf([]), 0);
});
