import assert from "node:assert/strict";
import { test } from "node:test";
import { priceChangeText, quoteText, shortageText } from "./quote_text.ts";

test("a quote says what a job costs, at most, and when it is ready", () => {
  assert.equal(
    quoteText({ expected: 18_850, hold: 48_750, ready_in_s: 118 }),
    "About 0.02 $, at most 0.05 $, ready in about 2 min.",
  );
});

test("a wallet that has too little is told what both amounts are", () => {
  assert.equal(shortageText(90_000, 90_000), null);
  const text = shortageText(12_000, 84_500) ?? "";
  assert.match(text, /^The wallet has 0\.01 \$; this job may cost up to 0\.09 \$\./);
});

test("a price that has changed is told with both prices", () => {
  const before = { expected: 20_000, hold: 60_000 };
  assert.equal(priceChangeText(before, { ...before }), null);
  assert.match(priceChangeText(before, { expected: 30_000, hold: 90_000 }) ?? "", /0\.02 \$.*0\.03 \$/);
});
