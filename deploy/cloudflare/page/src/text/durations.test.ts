import assert from "node:assert/strict";
import { test } from "node:test";
import { atMoment, exactly, roughly, timeLeft } from "./durations.ts";

test("a rough duration is rounded up to what people say", () => {
  const expected: [number, string][] = [
    [0, "1 s"],
    [7.2, "8 s"],
    [41, "45 s"],
    [56, "1 min"],
    [61, "2 min"],
    [340, "6 min"],
    [3540, "59 min"],
    [3541, "1 h"],
    [4000, "1 h 10 min"],
    [86_390, "1 day"],
    [100_000, "1 day 4 h"],
    [604_800, "7 days"],
  ];
  for (const [seconds, text] of expected) assert.equal(roughly(seconds), text, String(seconds));
});

test("an exact duration has what can be noticed", () => {
  const expected: [number, string][] = [
    [0, "0 s"],
    [0.0001, "0.001 s"],
    [0.04, "0.04 s"],
    [0.44, "0.44 s"],
    [0.999, "1 s"],
    [1.44, "1.4 s"],
    [8, "8 s"],
    [59.7, "1 min"],
    [192, "3 min 12 s"],
    [3900, "1 h 5 min"],
  ];
  for (const [seconds, text] of expected) assert.equal(exactly(seconds), text, String(seconds));
});

test("the time left is said in words", () => {
  assert.equal(timeLeft(3), "a few seconds left");
  assert.equal(timeLeft(95), "about 2 min left");
});

test("a moment of a video has its milliseconds, which tell one frame from the next", () => {
  const expected: [number, string][] = [
    [0, "0 s"],
    [0.04, "0.04 s"],
    [12.345, "12.345 s"],
    [59.9996, "1 min"],
    [90.5, "1 min 30.5 s"],
    [3600.04, "60 min 0.04 s"],
  ];
  for (const [seconds, text] of expected) assert.equal(atMoment(seconds), text, String(seconds));
});
