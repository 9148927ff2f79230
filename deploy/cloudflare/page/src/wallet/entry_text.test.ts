import assert from "node:assert/strict";
import { test } from "node:test";
import { balancesAfter } from "./balances.ts";
import { entryDetail, entryText } from "./entry_text.ts";

test("each kind of entry has words of its own", () => {
  const words = [
    [{ kind: "topup", note: "cheque 12" }, "Top-up", "cheque 12"],
    [{ kind: "hold", note: "upscale" }, "Held for upscaling", ""],
    [{ kind: "release", note: "track, failed: bad_media" }, "Released from tracking", "failed"],
    [{ kind: "capture", note: "export, completed" }, "Charged for export", "completed"],
    [{ kind: "refund", note: "sorry" }, "Refunded", "sorry"],
    [{ kind: "hold", note: "" }, "Held for a job", ""],
    [{ kind: "hold", note: "constructor" }, "Held for a job", ""],
  ] as const;
  for (const [entry, text, detail] of words) {
    assert.equal(entryText(entry), text);
    assert.equal(entryDetail(entry), detail);
  }
});

test("the balance after each entry is the sum of it and the older ones", () => {
  assert.deepEqual(balancesAfter([{ amount: -5 }, { amount: 20 }, { amount: 100 }], 115), [115, 120, 100]);
  assert.deepEqual(balancesAfter([], 7), []);
});
