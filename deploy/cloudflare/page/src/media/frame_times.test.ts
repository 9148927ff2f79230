import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameTimes } from "./frame_times.ts";

test("each frame is found at its start, in its middle and until the next", () => {
  for (const times of [
    FrameTimes.constant(240, 30000 / 1001),
    new FrameTimes(Float64Array.of(0, 0.0333, 0.2, 0.21, 1.5), 1.6),
    FrameTimes.constant(1, 25),
  ]) {
    for (let frame = 0; frame < times.count; frame++) {
      const next = frame + 1 < times.count ? times.timeOf(frame + 1) : times.endS;
      assert.equal(times.frameAt(times.timeOf(frame)), frame);
      assert.equal(times.frameAt(times.middleOf(frame)), frame);
      assert.equal(times.frameAt(next - 0.001), frame);
      assert.ok(times.middleOf(frame) > times.timeOf(frame) && times.middleOf(frame) < next);
    }
    assert.equal(times.frameAt(-1), 0);
    assert.equal(times.frameAt(1000), times.count - 1);
  }
});

test("a time that a browser has rounded belongs to its frame", () => {
  const times = FrameTimes.constant(100, 30000 / 1001);
  for (let frame = 0; frame < 100; frame++) {
    assert.equal(times.frameAt(Math.floor(times.timeOf(frame) * 1e6) / 1e6 - 1e-6), frame);
  }
});

test("packets are put in order of presentation; those before zero are not shown", () => {
  const packets = [0, 3, 1, 2, -1].map((n) => ({ timestamp: 0.5 * n + (n < 0 ? 0 : 0.25), duration: 0.5 }));
  const times = FrameTimes.ofPackets(packets);
  assert.deepEqual([...(times?.startsS ?? [])], [0, 0.5, 1, 1.5]);
  assert.equal(times?.endS, 2);
  assert.equal(FrameTimes.ofPackets([]), null);
});

test("a number of frames that no video has takes no more memory than a day of them", () => {
  assert.equal(FrameTimes.constant(1e15, 25).count, 5_000_000);
});
