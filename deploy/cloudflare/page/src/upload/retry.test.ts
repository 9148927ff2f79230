import assert from "node:assert/strict";
import { test } from "node:test";
import { nextStep, SERVER_RETRIES, waitMs } from "./retry.ts";

test("a silent network is tried again, with a new URL every other time", () => {
  const steps = Array.from({ length: 17 }, (_, index) => nextStep(0, index + 1));
  assert.deepEqual(steps.slice(0, 4), ["again", "new url", "again", "new url"]);
  assert.equal(steps.slice(0, 16).includes("give up"), false);
  assert.equal(steps[16], "give up");
});

test("a busy server is tried again for some minutes", () => {
  for (const status of [408, 429, 500, 502, 503]) {
    assert.equal(nextStep(status, 1), "again");
    assert.equal(nextStep(status, SERVER_RETRIES), "again");
    assert.equal(nextStep(status, SERVER_RETRIES + 1), "give up");
  }
  let total = 0;
  for (let failures = 1; failures <= SERVER_RETRIES; failures += 1) total += waitMs(failures, 1);
  assert.ok(total > 120_000 && total < 240_000, `${total}`);
});

test("a refused URL is replaced, but not for ever", () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((failures) => nextStep(403, failures)),
    ["new url", "new url", "new url", "give up"],
  );
  assert.equal(nextStep(404, 1), "new url");
  assert.equal(nextStep(400, 1), "give up");
  assert.equal(nextStep(413, 1), "give up");
});

test("waits grow to a limit, and vary", () => {
  assert.deepEqual(
    [1, 2, 3, 6, 50].map((failures) => waitMs(failures, 1)),
    [500, 1000, 2000, 15_000, 15_000],
  );
  assert.equal(waitMs(1, 0), 375);
});
