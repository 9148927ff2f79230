import assert from "node:assert/strict";
import { test } from "node:test";
import { isChanged } from "./with_param.ts";

test("only a value that is not the default, in a field that counts, is a change", () => {
  const defaults = { stride: 1, side: null as number | null };
  const changed = (params: { stride?: number; side?: number | null; scale?: number }) =>
    isChanged(params, defaults);
  assert.equal(changed({}), false);
  assert.equal(changed({ stride: 1, side: null, scale: 3 }), false);
  assert.equal(changed({ stride: 2 }), true);
  assert.equal(changed({ side: 640 }), true);
});
