import assert from "node:assert/strict";
import { test } from "node:test";
import codes from "../../../api/generated/error_codes.json" with { type: "json" };
import { jobErrorText } from "./job_errors.ts";

/** The codes that the API adds (docs/billing.md). */
const OWN_CODES = ["timed_out", "submission_refused", "worker_failed", "output_missing", "job_lost"];
const MESSAGE = "the message of the API";

test("every code of the worker and of the API has plain words", () => {
  for (const code of [...Object.keys(codes), ...OWN_CODES]) {
    const { what, toDo } = jobErrorText({ code, message: MESSAGE, retryable: false });
    assert.match(what, /^[A-Z].*\.$/, code);
    assert.match(toDo, /^[A-Z].*\.$/, code);
    assert.doesNotMatch(what, /The message of the API/, code);
  }
});

test("a code that can be tried again unchanged says so", () => {
  for (const [code, { retryable }] of Object.entries(codes)) {
    if (retryable)
      assert.match(jobErrorText({ code, message: MESSAGE, retryable }).toDo, /^Start the job again/, code);
  }
});

test("an unknown code has the message of the API", () => {
  for (const code of ["constructor", "new_code"]) {
    const error = { code, message: MESSAGE, retryable: true };
    assert.deepEqual(jobErrorText(error), { what: "The message of the API.", toDo: "Start the job again." });
  }
});
