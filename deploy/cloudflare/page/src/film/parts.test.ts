import assert from "node:assert/strict";
import { test } from "node:test";
import { partAfter, partsText, withFirstLinks } from "./parts.ts";

function part(number: number, url = `https://bucket.example/${number}`) {
  return { number, start_sec: number * 10, end_sec: number * 10 + 10, url };
}

test("a part keeps the link that it had first", () => {
  const parts = withFirstLinks([part(0, "first")], [part(0, "second"), part(2, "new")]);
  assert.deepEqual(
    parts.map(({ number, url }) => [number, url]),
    [
      [0, "first"],
      [2, "new"],
    ],
  );
});

test("the next part is the next one that is done", () => {
  const parts = [part(0), part(1), part(4)];
  assert.equal(partAfter(parts, 0)?.number, 1);
  assert.equal(partAfter(parts, 1)?.number, 4);
  assert.equal(partAfter(parts, 4), undefined);
});

test("parts are counted in words", () => {
  assert.equal(partsText({ done: 12, segments: 40 }), "12 of 40 parts done");
  assert.equal(partsText({ done: 0, segments: 1 }), "0 of 1 part done");
});
