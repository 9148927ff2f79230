import assert from "node:assert/strict";
import { test } from "node:test";
import { whyAnotherFile } from "./same_file.ts";

const upload = { name: "film.mp4", bytes: 20_000_000 };
const before = { name: "film.mp4", size: 20_000_000, lastModified: 1000 };

test("the same file continues", () => {
  assert.equal(whyAnotherFile(upload, before, { ...before }), null);
});

test("another file is refused in plain words", () => {
  const why = (change: Partial<typeof before>) =>
    whyAnotherFile(upload, before, { ...before, ...change }) ?? "";
  assert.match(why({ name: "other.mp4" }), /of “film.mp4”, and you chose “other.mp4”/);
  assert.match(why({ size: 30_000_000 }), /a different size than before: 30.0 MB instead of 20.0 MB/);
  assert.match(why({ size: 20_000_001 }), /20000001 bytes instead of 20000000/);
  assert.match(why({ lastModified: 1001 }), /changed after the upload began/);
});

test("in another browser, the name and the size decide", () => {
  assert.equal(whyAnotherFile(upload, null, { ...before, lastModified: 5 }), null);
  assert.equal(whyAnotherFile({ ...upload, name: "a b.mp4" }, null, { ...before, name: "x\\a b.mp4" }), null);
  assert.match(whyAnotherFile(upload, null, { ...before, name: "x.mp4" }) ?? "", /“film.mp4”/);
  assert.match(whyAnotherFile(upload, null, { ...before, size: 1 }) ?? "", /a different size/);
});
