import assert from "node:assert/strict";
import { test } from "node:test";
import { correctionOf } from "./sync.ts";

test("a follower at any distance gets within a few milliseconds, and stays there", () => {
  for (const start of [-0.34, -0.1, -0.03, 0.02, 0.2, 0.34]) {
    let aheadS = start;
    for (let tick = 0; tick < 200; tick++) {
      const correction = correctionOf(aheadS, false);
      assert.equal(correction.kind, "rate");
      if (correction.kind === "rate") aheadS += (correction.rate - 1) * (1 / 60);
    }
    assert.ok(Math.abs(aheadS) < 0.005, `${start} ends at ${aheadS}`);
  }
});

test("what is too far away is sought, and what has nothing to play is waited for", () => {
  assert.deepEqual(correctionOf(0.4, false), { kind: "seek" });
  assert.deepEqual(correctionOf(-2, false), { kind: "seek" });
  assert.deepEqual(correctionOf(-0.2, true), { kind: "wait" });
  assert.deepEqual(correctionOf(0, true), { kind: "rate", rate: 1 });
});
