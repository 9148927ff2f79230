import assert from "node:assert/strict";
import { test } from "node:test";
import { axisOver, placeOn } from "./axis.ts";

test("an axis covers all values between round numbers", () => {
  assert.deepEqual(axisOver([31.4, 47], 4), { from: 30, to: 50, ticks: [30, 35, 40, 45, 50] });
  assert.deepEqual(axisOver([0.933, 1], 4, 1), { from: 0.92, to: 1, ticks: [0.92, 0.94, 0.96, 0.98, 1] });
  assert.deepEqual(axisOver([0, 6], 6), { from: 0, to: 6, ticks: [0, 1, 2, 3, 4, 5, 6] });
  for (const values of [[5], [0], [99.9999, 100], [1e-7, 3e5], [-2, -1.99]]) {
    const axis = axisOver(values, 5);
    assert.ok(axis.from <= Math.min(...values) + 1e-9 && axis.to >= Math.max(...values) - 1e-9, `${values}`);
    assert.ok(axis.to > axis.from && axis.ticks.length <= 12, `${values}`);
  }
});

test("a value has its place", () => {
  const axis = axisOver([30, 50], 4);
  assert.deepEqual(
    [30, 40, 50, 60].map((value) => placeOn(axis, value)),
    [0, 0.5, 1, 1],
  );
});
