import assert from "node:assert/strict";
import { test } from "node:test";
import { BoxReader, boxesOf } from "./boxes.ts";

/** Returns many empty boxes of one type, of 8 bytes each. */
function emptyBoxes(count: number): BoxReader {
  const bytes = new Uint8Array(8 * count);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 8) {
    view.setUint32(at, 8);
    bytes.set([0x66, 0x72, 0x65, 0x65], at + 4);
  }
  return new BoxReader(view);
}

test("boxes are found by their types", () => {
  const boxes = boxesOf(emptyBoxes(3));
  assert.deepEqual([...boxes.keys()], ["free"]);
  assert.equal(boxes.get("free")?.length, 3);
});

test("a file with millions of boxes is refused at once", () => {
  assert.throws(() => boxesOf(emptyBoxes(2_000_000)), RangeError);
});
