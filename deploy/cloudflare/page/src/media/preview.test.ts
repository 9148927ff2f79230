import assert from "node:assert/strict";
import { test } from "node:test";
import { stillsOf } from "./preview.ts";

const JPEG = "data:image/jpeg;base64,/9j/4AAQ";

test("stills are read in order of time", () => {
  const document = {
    version: 1,
    stills: [
      { time_sec: 2, source: JPEG, output: null, output_time_sec: null },
      { time_sec: 0.5, source: JPEG, output: JPEG, output_time_sec: 0.5 },
    ],
  };
  assert.deepEqual(stillsOf(document), [
    { timeS: 0.5, source: JPEG, output: JPEG },
    { timeS: 2, source: JPEG, output: null },
  ]);
});

test("only pictures within the document are shown", () => {
  for (const source of ["https://elsewhere.example/x.jpg", "data:image/svg+xml,<svg/>", 7, null, ""]) {
    assert.deepEqual(stillsOf({ stills: [{ time_sec: 0, source }] }), [], String(source));
    assert.equal(stillsOf({ stills: [{ time_sec: 0, source: JPEG, output: source }] })[0]?.output, null);
  }
  for (const document of [
    null,
    3,
    {},
    { stills: "x" },
    { stills: [null, 1, { time_sec: "0", source: JPEG }] },
  ]) {
    assert.deepEqual(stillsOf(document), []);
  }
});
