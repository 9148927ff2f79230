import assert from "node:assert/strict";
import { test } from "node:test";
import { SpeedMeter } from "./speed.ts";

test("a speed is known after a moment", () => {
  const meter = new SpeedMeter();
  assert.equal(meter.bytesPerS, null);
  meter.note(0, 0);
  meter.note(500, 500_000);
  assert.equal(meter.bytesPerS, null);
  assert.equal(meter.secondsFor(1), null);
  meter.note(2000, 2_000_000);
  assert.equal(meter.bytesPerS, 1_000_000);
  assert.equal(meter.secondsFor(3_000_000), 3);
});

test("only the last seconds count", () => {
  const meter = new SpeedMeter();
  for (let second = 0; second <= 10; second += 1) meter.note(second * 1000, second * 1000);
  for (let second = 11; second <= 30; second += 1) meter.note(second * 1000, 10_000 + (second - 10) * 5000);
  assert.equal(meter.bytesPerS, 5000);
});

test("bytes that were lost do not make the speed negative", () => {
  const meter = new SpeedMeter();
  meter.note(0, 0);
  meter.note(2000, 8000);
  meter.note(3000, 2000);
  assert.equal(meter.bytesPerS, null);
  meter.note(5000, 6000);
  assert.equal(meter.bytesPerS, 2000);
});

test("nothing is estimated from a standstill", () => {
  const meter = new SpeedMeter();
  meter.note(0, 500);
  meter.note(5000, 500);
  assert.equal(meter.bytesPerS, 0);
  assert.equal(meter.secondsFor(10), null);
});
