import assert from "node:assert/strict";
import { test } from "node:test";
import { shapeOf, sizesOfAspect } from "./aspect_presets.ts";
import { outputSizeOf, sizeBoundOf } from "./output_size.ts";

const PICTURE = { width: 1920, height: 1080 };

test("the output has the size of the crop, times the scale of a model", () => {
  const crop = { x: 0, y: 0, w: 300, h: 201 };
  assert.deepEqual(outputSizeOf({}, PICTURE), PICTURE);
  assert.deepEqual(outputSizeOf({ crop }, PICTURE), { width: 300, height: 201 });
  assert.deepEqual(outputSizeOf({ crop, upscale: true }, PICTURE), { width: 1200, height: 804 });
  const twice = { crop, upscale: true, upscale_model: "RealESRGAN_x2plus" };
  assert.deepEqual(outputSizeOf(twice, PICTURE), { width: 600, height: 402 });
  assert.deepEqual(outputSizeOf({ ...twice, size: "1080x720" }, PICTURE), { width: 1080, height: 720 });
});

test("a path has the size of its largest crop", () => {
  const crop = [
    { t: 0, x: 0, y: 0, w: 100, h: 50 },
    { t: 1, x: 0, y: 0, w: 300.5, h: 150.25 },
  ];
  // NumPy rounds 300.5 to the even neighbour.
  assert.deepEqual(outputSizeOf({ crop }, PICTURE), { width: 300, height: 150 });
});

test("a crop that follows is the largest of its shape, or half as wide where it could not move", () => {
  const follow = { track: 3, aspect: "9:16", zoom: null };
  assert.deepEqual(outputSizeOf({ follow }, PICTURE), { width: 608, height: 1080 });
  assert.deepEqual(outputSizeOf({ follow: { ...follow, aspect: null } }, PICTURE), {
    width: 960,
    height: 540,
  });
  assert.deepEqual(outputSizeOf({ follow: { ...follow, zoom: 2 } }, PICTURE), { width: 304, height: 540 });
});

test("the size of an output that follows is only a bound where the worker decides how close the crop is", () => {
  const bound = (follow: object, more: object = {}) =>
    sizeBoundOf({ follow: { track: 3, aspect: "9:16", zoom: null, ...follow }, ...more }, PICTURE);
  assert.equal(sizeBoundOf({ crop: { x: 0, y: 0, w: 300, h: 200 } }, PICTURE), "exactly");
  assert.equal(bound({}), "exactly");
  assert.equal(bound({ zoom: 2 }), "exactly");
  // It is as large as that shape allows anyway.
  assert.equal(bound({ track: "main" }), "exactly");
  // It becomes wider where nobody is in view.
  assert.equal(bound({ track: "main", zoom: 2 }), "at least");
  assert.equal(bound({ track: "main", aspect: null }), "at least");
  // It is less close where heads are large.
  assert.equal(bound({ aspect: null }), "at least");
  assert.equal(bound({ aspect: "16:9", zoom: 2 }), "exactly");
  // It is closer to keep heads clear of captions.
  assert.equal(bound({ safe: { bottom: 0.2 } }), "at most");
  assert.equal(bound({ safe: { bottom: 0 } }), "exactly");
  assert.equal(bound({ zoom: 1.5, safe: { bottom: 0.2 } }), "exactly");
  assert.equal(bound({ track: "main", safe: { bottom: 0.2 } }), "at most");
  assert.equal(bound({ track: "main", aspect: null, safe: { bottom: 0.2 } }), "about");
  assert.equal(bound({ track: "main", aspect: null }, { size: "1080x720" }), "exactly");
});

test("only sizes of the crop's shape are offered", () => {
  assert.deepEqual(sizesOfAspect(9 / 16), ["2160x3840", "1080x1920", "720x1280"]);
  assert.deepEqual(sizesOfAspect(1), ["2160x2160", "1080x1080", "720x720"]);
  assert.deepEqual(sizesOfAspect(2.39), []);
});

test("a crop is known by its shape", () => {
  assert.equal(shapeOf({ x: 0, y: 0, w: 608, h: 1080 }, PICTURE), "9:16");
  assert.equal(shapeOf({ x: 0, y: 0, w: 102, h: 180 }, { width: 320, height: 180 }), "9:16");
  assert.equal(shapeOf({ x: 5, y: 5, w: 960, h: 540 }, PICTURE), "source");
  assert.equal(shapeOf({ x: 5, y: 5, w: 961, h: 500 }, PICTURE), "free");
});
