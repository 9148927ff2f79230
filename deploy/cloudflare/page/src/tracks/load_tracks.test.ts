import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { loadTracks, MOST_BYTES, TracksFailure } from "./load_tracks.ts";

const VIDEO = { width: 200, height: 100, frames: 50, fps: "25/1", duration_sec: 2, cuts: [] };
const TRACK = { id: 1, class_name: "person", frames: [{ frame: 3, bbox: [1, 2, 3, 4], confidence: 0.5 }] };
const DOCUMENT = JSON.stringify({ status: "completed", tracks: [TRACK], video: VIDEO, notes: [] });

afterEach(() => mock.restoreAll());

function load(answer: () => Promise<Response>, result: Record<string, unknown> = { video: VIDEO }) {
  mock.method(globalThis, "fetch", answer);
  const links = { input: "", output: "https://bucket.example/out.json", expires_at: 0 };
  const job = { result, links: { ...links, preview: null } } as Parameters<typeof loadTracks>[0];
  return loadTracks(job, new AbortController().signal, () => {});
}

const failsWith = (words: RegExp, canRetry: boolean) => (error: unknown) =>
  error instanceof TracksFailure && words.test(error.message) && error.canRetry === canRetry;

test("tracks in the result need no request", async () => {
  const nobody = () => Promise.reject(new Error("nobody asked for this"));
  const document = await load(nobody, { tracks: [TRACK], video: VIDEO });
  assert.deepEqual(document.tracks, [{ id: 1, className: "person", begin: 0, end: 1 }]);
});

test("tracks in the bucket are read, also from a short result", async () => {
  const document = await load(async () => new Response(DOCUMENT), { status: "completed" });
  assert.deepEqual([...document.frameOf], [3]);
});

test("a document that is too large is refused before or while it is read", async () => {
  const claims = async () =>
    new Response(DOCUMENT, { headers: { "Content-Length": String(MOST_BYTES + 1) } });
  await assert.rejects(load(claims), failsWith(/too many tracks/, false));
  const piece = new Uint8Array(50_000_000).fill(0x20);
  let isCancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(piece),
    cancel: () => {
      isCancelled = true;
    },
  });
  await assert.rejects(
    load(async () => new Response(endless)),
    TracksFailure,
  );
  assert.equal(isCancelled, true);
});

test("what cannot be fetched can be tried again", async () => {
  await assert.rejects(
    load(() => Promise.reject(new TypeError())),
    failsWith(/Check your connection/, true),
  );
  await assert.rejects(
    load(async () => new Response("", { status: 403 })),
    failsWith(/too old/, true),
  );
  const broken = new ReadableStream({
    pull: (controller) => controller.error(new TypeError("network error")),
  });
  await assert.rejects(
    load(async () => new Response(broken)),
    failsWith(/Check your connection/, true),
  );
});

test("what is no document of tracks is refused", async () => {
  for (const text of [
    "",
    "{}",
    "null",
    '{"tracks": 1}',
    DOCUMENT.slice(0, -1),
    DOCUMENT.replace("200", "0"),
  ]) {
    await assert.rejects(
      load(async () => new Response(text)),
      failsWith(/damaged/, false),
      text,
    );
  }
});
