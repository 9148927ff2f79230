import assert from "node:assert/strict";
import { test } from "node:test";
import { captionChoiceOf, safeText } from "./caption_zone.ts";

test("shares of the edges are one of the choices", () => {
  assert.equal(captionChoiceOf(null), "none");
  assert.equal(captionChoiceOf({ bottom: 0 }), "none");
  assert.equal(captionChoiceOf({ bottom: 0.2 }), "fifth");
  assert.equal(captionChoiceOf({ bottom: 0.2, top: 0, left: 0, right: 0 }), "fifth");
  assert.equal(captionChoiceOf({ bottom: 0.25 }), "custom");
  assert.equal(captionChoiceOf({ bottom: 0.2, right: 0.1 }), "custom");
  assert.equal(captionChoiceOf({ top: 0.2 }), "custom");
});

test("shares are said in words", () => {
  assert.equal(safeText(undefined), null);
  assert.equal(safeText({ top: 0 }), null);
  assert.equal(safeText({ right: 0.1, bottom: 0.2 }), "bottom 20 %, right 10 %");
});
