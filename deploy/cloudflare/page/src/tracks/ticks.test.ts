import assert from "node:assert/strict";
import { test } from "node:test";
import { ticksOf } from "./ticks.ts";

test("times are multiples of a step that people count in", () => {
  assert.deepEqual(ticksOf(4, 8), [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]);
  assert.deepEqual(ticksOf(61, 3), [0, 30, 60]);
  assert.deepEqual(ticksOf(5400, 3), [0, 1800, 3600, 5400]);
});

test("there are never more than there is room for", () => {
  for (const duration of [0.04, 1, 59.9, 1000, 86_400, 1e7]) {
    for (const most of [1, 2, 9]) {
      const ticks = ticksOf(duration, most);
      assert.ok(ticks.length <= most + 1 && ticks[0] === 0, `${duration} ${most} ${ticks}`);
      assert.ok(
        ticks.every((tick) => tick <= duration),
        `${duration} ${most} ${ticks}`,
      );
    }
  }
});
