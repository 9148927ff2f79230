import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeText } from "./sizes.ts";

test("sizes have three digits", () => {
  const sizes = {
    0: "0 bytes",
    999: "999 bytes",
    1000: "1.00 kB",
    5000: "5.00 kB",
    12345: "12.3 kB",
    99950: "100 kB",
  };
  for (const [bytes, text] of Object.entries(sizes)) assert.equal(sizeText(Number(bytes)), text);
  assert.equal(sizeText(999_499), "999 kB");
  assert.equal(sizeText(999_500), "1.00 MB");
  assert.equal(sizeText(9_995_000), "10.0 MB");
  assert.equal(sizeText(10 * 2 ** 30), "10.7 GB");
  assert.equal(sizeText(5e15), "5000 TB");
});
