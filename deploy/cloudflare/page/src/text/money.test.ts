import assert from "node:assert/strict";
import { test } from "node:test";
import { decimalsOf, dollars, exactDollars } from "./money.ts";

test("amounts are shown in cents", () => {
  assert.equal(dollars(91_000), "0.09 $");
  assert.equal(dollars(5_000_000), "5.00 $");
  assert.equal(dollars(1_234_567_890), "1234.57 $");
  assert.equal(dollars(0), "0.00 $");
});

test("less than a cent keeps two digits", () => {
  assert.equal(dollars(2_600), "0.0026 $");
  assert.equal(dollars(4_321), "0.0043 $");
  assert.equal(dollars(1), "0.000001 $");
  assert.equal(dollars(9_990), "0.01 $");
});

test("a limit is rounded up and a balance down", () => {
  assert.equal(dollars(97_500, "up"), "0.10 $");
  assert.equal(dollars(97_500, "down"), "0.09 $");
  assert.equal(dollars(90_000, "up"), "0.09 $");
  assert.equal(dollars(-97_500, "down"), "−0.10 $");
});

test("an exact amount has all its digits", () => {
  assert.equal(exactDollars(82_361), "0.082361 $");
  assert.equal(exactDollars(-1_250_000), "−1.25 $");
  assert.equal(exactDollars(5_000_000), "5.00 $");
  assert.equal(exactDollars(0), "0.00 $");
});

test("amounts of one column have as many digits as the longest of them", () => {
  const decimals = decimalsOf([5_000_000, -97_500, 0]);
  assert.equal(decimals, 4);
  assert.equal(exactDollars(5_000_000, decimals), "5.0000 $");
  assert.equal(exactDollars(-97_500, decimals), "−0.0975 $");
  assert.equal(decimalsOf([1_000_000, 20_000]), 2);
  assert.equal(decimalsOf([1]), 6);
  assert.equal(decimalsOf([]), 2);
});
