import assert from "node:assert/strict";
import { test } from "node:test";
import { colourOf } from "./colour.ts";

test("many ids have different colours", () => {
  const colours = new Set(Array.from({ length: 200 }, (_, id) => colourOf(id + 1)));
  assert.equal(colours.size, 200);
});

test("every id has a colour", () => {
  for (const id of [0, -1, -7, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    assert.match(colourOf(id), /^rgb\(\d{1,3} \d{1,3} \d{1,3}\)$/, String(id));
  }
});
