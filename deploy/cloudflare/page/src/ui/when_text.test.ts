import assert from "node:assert/strict";
import { test } from "node:test";
import { whenText } from "./when_text.ts";

const at = (...parts: [number, number, number, number, number]) => new Date(...parts).getTime();

test("a moment is named by its day", () => {
  const now = at(2026, 10, 29, 0, 10);
  assert.equal(whenText(at(2026, 10, 29, 0, 5), now), "today 0:05");
  assert.equal(whenText(at(2026, 10, 28, 23, 59), now), "yesterday 23:59");
  assert.equal(whenText(at(2026, 10, 27, 12, 0), now), "27 Nov 12:00");
  assert.equal(whenText(at(2025, 10, 29, 9, 30), now), "29 Nov 2025 9:30");
});

test("yesterday is the day before also where clocks change", () => {
  // A day of 23 or 25 hours, if the time zone has one, lies among these.
  for (let day = 2; day <= 360; day += 1) {
    assert.equal(whenText(at(2026, 0, day - 1, 22, 0), at(2026, 0, day, 1, 0)), "yesterday 22:00");
  }
});
