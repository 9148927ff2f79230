import assert from "node:assert/strict";
import { test } from "node:test";
import { timecode } from "./timecode.ts";

test("moments are rounded to milliseconds, and carried over", () => {
  assert.equal(timecode(0), "0:00.000");
  assert.equal(timecode(1.0015), "0:01.002");
  assert.equal(timecode(59.9996), "1:00.000");
  assert.equal(timecode(3599.9999), "1:00:00.000");
  assert.equal(timecode(3723.25), "1:02:03.250");
  assert.equal(timecode(-0.1), "0:00.000");
});
