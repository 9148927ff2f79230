import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrayElements, NotReadable } from "./array_elements.ts";

/** Reads a text in pieces of so many bytes. */
function read(text: string, pieceBytes: number): { elements: unknown[]; document: unknown } {
  const elements: unknown[] = [];
  const reader = new ArrayElements("tracks", (element) => elements.push(element));
  const bytes = new TextEncoder().encode(text);
  for (let begin = 0; begin < bytes.length; begin += pieceBytes) {
    reader.push(bytes.slice(begin, begin + pieceBytes));
  }
  return { elements, document: reader.finish() };
}

const TRACKS = [
  { id: 1, class_name: 'a "quoted" ] name, with \\ and é', frames: [{ frame: 0, bbox: [1, 2, 3, 4] }] },
  [],
  "text, with ] and [",
  -1.5,
  null,
  { tracks: [{ tracks: [] }] },
];

test("the elements and the rest are as JSON.parse reads them, wherever the pieces end", () => {
  for (const space of [undefined, 1]) {
    const whole = {
      status: "tracks",
      tracks: TRACKS,
      video: { tracks: [1, 2], cuts: [] },
      notes: ["tracks", "["],
    };
    for (const pieceBytes of [1, 2, 3, 7, 64, 10_000]) {
      const { elements, document } = read(JSON.stringify(whole, undefined, space), pieceBytes);
      assert.deepEqual(elements, TRACKS);
      assert.deepEqual(document, { ...whole, tracks: [] });
    }
  }
});

test("a document without the array, or with an empty one, has no elements", () => {
  assert.deepEqual(read('{"video": {"tracks": [1]}}', 3).elements, []);
  assert.deepEqual(read('{"tracks": [ ], "video": 1}', 3), {
    elements: [],
    document: { tracks: [], video: 1 },
  });
});

test("what is no JSON is refused", () => {
  const texts = [
    "",
    "{",
    '{"tracks": [{}',
    '{"tracks": [{},,{}]}',
    '{"tracks": [{]}',
    "not JSON",
    '{"tracks": [1,]}',
  ];
  for (const text of texts) assert.throws(() => read(text, 4), NotReadable, text);
  const reader = new ArrayElements("tracks", () => {});
  reader.push(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
  assert.throws(() => reader.finish(), NotReadable);
});

test("an element that is too large is refused before it is complete", () => {
  const reader = new ArrayElements("tracks", () => {}, 100);
  reader.push(new TextEncoder().encode('{"tracks": ["'));
  assert.throws(() => reader.push(new Uint8Array(200).fill(0x61)), NotReadable);
});
