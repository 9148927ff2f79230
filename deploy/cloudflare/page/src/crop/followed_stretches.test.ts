import assert from "node:assert/strict";
import { test } from "node:test";
import { stretchesOf } from "./followed_stretches.ts";

const STRETCH = {
  start: 0,
  end: 4.5,
  track: 2,
  class_name: "person",
  beside: [3],
  reason: "nobody else is in view",
};

const read = (followed: unknown) => stretchesOf({ result: { followed } as never });

test("stretches have the name of whom the crop followed", () => {
  assert.deepEqual(read([STRETCH]), [
    { startS: 0, endS: 4.5, whom: "person 2", beside: [3], reason: "nobody else is in view" },
  ]);
  const nobody = { ...STRETCH, track: null, class_name: null, beside: [], reason: "nobody is in view" };
  assert.equal(read([nobody])[0]?.whom, null);
});

test("what is no stretch is left out", () => {
  const broken = [
    null,
    3,
    "x",
    {},
    { ...STRETCH, start: "0" },
    { ...STRETCH, end: 1e300 },
    { ...STRETCH, reason: {} },
  ];
  assert.deepEqual(read(broken), []);
  for (const followed of [undefined, null, {}, "x"]) assert.deepEqual(read(followed), []);
  assert.deepEqual(stretchesOf(undefined), []);
  const [stretch] = read([{ ...STRETCH, class_name: 5, beside: ["3", 4, null] }]);
  assert.deepEqual([stretch?.whom, stretch?.beside], ["track 2", [4]]);
});
