import assert from "node:assert/strict";
import { test } from "node:test";
import { refusedParam, requestErrorText } from "./request_errors.ts";

test("a refused field has the name that the form gives it", () => {
  const text = (message: string) => requestErrorText({ code: "bad_request", message });
  assert.equal(text("params.scale 17 is refused: give 16 or less"), "Scale 17 is refused: give 16 or less.");
  assert.equal(text("params.fill_gaps_sec is missing"), "Fill gaps is missing.");
  assert.equal(text("params.unheard is not known here"), "Params.unheard is not known here.");
});

test("a refusal tells which field it is about", () => {
  assert.equal(refusedParam({ message: "params.confidence 5 is refused: give 1 or less" }), "confidence");
  assert.equal(refusedParam({ message: "the output would be 20000x9" }), null);
});

test("known codes have plain words, and say who pays", () => {
  assert.match(requestErrorText({ code: "not_enough_money", message: "" }), /You were not charged/);
  assert.match(requestErrorText({ code: "no_worker_available", message: "" }), /You were not charged/);
});

test("other codes have the message of the API", () => {
  const message = "the output would be 20000x9; ask for a smaller scale or size";
  assert.equal(
    requestErrorText({ code: "limit_exceeded", message }),
    "The output would be 20000x9; ask for a smaller scale or size.",
  );
});
