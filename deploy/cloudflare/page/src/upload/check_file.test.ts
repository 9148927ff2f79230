import assert from "node:assert/strict";
import { test } from "node:test";
import { EXTENSIONS } from "../../../api/media_types.ts";
import { ACCEPTED, refusalOf, videoType } from "./check_file.ts";

test("the type follows from the extension", () => {
  assert.equal(videoType("a.mp4"), "video/mp4");
  assert.equal(videoType("A.B.MKV"), "video/x-matroska");
  assert.equal(videoType("clip.mxf"), "application/mxf");
  assert.equal(videoType("clip.M2TS"), "video/mp2t");
  for (const name of ["tracks.json", "a.txt", "mp4", "a.mp4.exe", "", ".", "a."])
    assert.equal(videoType(name), null, name);
});

test("every type of video of the API has an extension here", () => {
  const extensions = ACCEPTED.split(",");
  for (const [type, extension] of Object.entries(EXTENSIONS)) {
    assert.equal(extensions.includes(`.${extension}`), type !== "application/json", type);
    if (type !== "application/json")
      assert.equal(EXTENSIONS[videoType(`a.${extension}`) ?? "application/json"], extension);
  }
});

test("a file is refused with a reason", () => {
  assert.equal(refusalOf({ name: "a.mp4", size: 1 }), null);
  assert.equal(refusalOf({ name: "a.mp4", size: 10 * 2 ** 30 }), null);
  assert.match(refusalOf({ name: "a.mp4", size: 10 * 2 ** 30 + 1 }) ?? "", /at most 10 GiB/);
  assert.match(refusalOf({ name: "a.mp4", size: 0 }) ?? "", /empty/);
  assert.match(refusalOf({ name: "tracks.json", size: 9 }) ?? "", /“tracks.json” is not a video/);
});
