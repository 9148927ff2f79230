import assert from "node:assert/strict";
import { test } from "node:test";
import { smallSize } from "./small_size.ts";

test("the longer side becomes 640 pixels, and both sides are even", () => {
  assert.equal(smallSize({ width: 3840, height: 2160 }), "640x360");
  assert.equal(smallSize({ width: 1080, height: 1920 }), "360x640");
  assert.equal(smallSize({ width: 1998, height: 1080 }), "640x346");
  assert.equal(smallSize({ width: 5000, height: 3 }), "640x2");
});

test("a small video stays as it is", () => {
  assert.equal(smallSize({ width: 640, height: 480 }), null);
  assert.equal(smallSize({ width: 96, height: 64 }), null);
});
