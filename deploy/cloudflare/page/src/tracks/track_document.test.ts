import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameTimes } from "../media/frame_times.ts";
import { drawnRows } from "./drawn_rows.ts";
import { classCounts, nameOf, rowOrder, trackAt } from "./row_order.ts";
import { spansOf } from "./spans.ts";
import { boxOf, MOST_TRACKS, NotTracks, rowsAt, TrackCollector } from "./track_document.ts";
import { trailOf } from "./trail.ts";

const VIDEO = { width: 200, height: 100, frames: 50, fps: "25/1", duration_sec: 2, cuts: [30] };

type Frame = { frame: unknown; bbox: unknown; interpolated?: unknown };

/** A track with a box of 10 by 20 px in each of these frames, which moves 2 px a frame. */
function track(id: number, frames: number[], name = "person", more: Partial<Frame> = {}) {
  const boxes = frames.map((frame) => ({ frame, bbox: [2 * frame, 10, 10, 20], confidence: 0.9, ...more }));
  return { id, class_name: name, first_sec: 0, last_sec: 0, frames: boxes };
}

function collected(tracks: unknown[], video: unknown = VIDEO) {
  const collector = new TrackCollector();
  for (const one of tracks) collector.add(one);
  return collector.finish(video);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, number) => from + number);

test("the boxes of a frame are those of the document", () => {
  const document = collected([track(2, range(5, 20)), track(1, range(0, 10), "car"), track(7, [9, 40])]);
  assert.deepEqual(document.tracks.map(nameOf), ["car 1", "person 2", "person 7"]);
  const at = (frame: number) =>
    [...rowsAt(document, frame)].map((row) => [
      trackAt(document, document.trackOf[row] ?? -1).id,
      boxOf(document, row),
    ]);
  const box = (frame: number) => ({ x: 2 * frame, y: 10, width: 10, height: 20 });
  assert.deepEqual(at(0), [[1, box(0)]]);
  assert.deepEqual(at(9), [
    [1, box(9)],
    [2, box(9)],
    [7, box(9)],
  ]);
  assert.deepEqual(at(40), [[7, box(40)]]);
  for (const frame of [-1, 20, 41, 49, 1000, 0.5, Number.NaN]) assert.deepEqual(at(frame), [], String(frame));
  assert.deepEqual(document.leftOut, { tracks: 0, boxes: 0 });
});

test("two decimals survive", () => {
  const bbox = [101.07, 33.33, 16.01, 64.99];
  const document = collected([track(1, [0], "person", { bbox })]);
  assert.deepEqual(Object.values(boxOf(document, 0)), bbox);
});

test("boxes are clipped to the picture", () => {
  const of = (bbox: number[]) => {
    const document = collected([track(1, [0], "person", { bbox })]);
    return document.tracks.length === 0 ? null : Object.values(boxOf(document, 0));
  };
  assert.deepEqual(of([-10, -10, 30, 30]), [0, 0, 20, 20]);
  assert.deepEqual(of([190, 90, 30, 30]), [190, 90, 10, 10]);
  assert.deepEqual(of([-1e9, -1e9, 2e9, 2e9]), [0, 0, 200, 100]);
  for (const bbox of [
    [200, 0, 5, 5],
    [0, 0, 0, 5],
    [50, 50, -5, 5],
    [-20, 0, 10, 10],
  ])
    assert.equal(of(bbox), null);
});

test("what is invalid is left out and counted", () => {
  const good = track(1, [0, 1]);
  const boxes: unknown[] = [
    null,
    7,
    [],
    { frame: 2 },
    { frame: 2, bbox: [1, 2, 3] },
    { frame: 2, bbox: [1, 2, 3, null] },
    { frame: 2, bbox: [1, 2, 3, "4"] },
    { frame: 2.5, bbox: [1, 2, 3, 4] },
    { frame: -1, bbox: [1, 2, 3, 4] },
    { frame: 1, bbox: [1, 2, 3, 4] },
    { frame: 50, bbox: [1, 2, 3, 4] },
    { frame: 1e300, bbox: [1, 2, 3, 4] },
  ];
  const document = collected([{ ...good, frames: [...good.frames, ...boxes] }]);
  assert.equal(document.frameOf.length, 2);
  assert.deepEqual(document.leftOut, { tracks: 0, boxes: boxes.length });
  const tracks = [null, 1, "x", [], {}, { id: 1.5, frames: [] }, { id: 3 }, { id: 4, frames: {} }, good];
  assert.deepEqual(collected([good, ...tracks]).leftOut.tracks, tracks.length);
  for (const video of [
    null,
    [],
    {},
    { ...VIDEO, width: 0 },
    { ...VIDEO, frames: 1e12 },
    { ...VIDEO, height: "1" },
  ]) {
    assert.throws(() => collected([good], video), NotTracks);
  }
});

test("there are at most as many tracks as the worker may report", () => {
  const document = collected(range(0, MOST_TRACKS + 5).map((id) => track(id, [id % 50])));
  assert.equal(document.tracks.length, MOST_TRACKS);
  assert.equal(document.leftOut.tracks, 5);
});

test("names, rates and cuts that are none have substitutes", () => {
  const odd = collected([track(1, [0], "x".repeat(500)), { ...track(2, [0]), class_name: { a: 1 } }], {
    ...VIDEO,
    fps: "0/0",
    duration_sec: Number.NaN,
    cuts: [40, "x", 10, -1, 50, 10.5],
  });
  assert.deepEqual(
    odd.tracks.map(({ className }) => className),
    ["x".repeat(100), "object"],
  );
  assert.deepEqual([odd.fps, odd.durationS, odd.cuts], [null, 2, [10, 40]]);
});

test("classes have counts and can be hidden; rows are sorted", () => {
  const document = collected([track(1, [0, 5]), track(2, [1, 30], "car"), track(3, [2, 49])]);
  assert.deepEqual(classCounts(document), [
    ["person", 2],
    ["car", 1],
  ]);
  const ids = (hidden: string[], sortBy: "appearance" | "length") =>
    rowOrder(document, new Set(hidden), sortBy).map((index) => trackAt(document, index).id);
  assert.deepEqual(ids([], "appearance"), [1, 2, 3]);
  assert.deepEqual(ids([], "length"), [3, 2, 1]);
  assert.deepEqual(ids(["person"], "length"), [2]);
});

test("the largest boxes are drawn first, and no more than can be seen", () => {
  const sized = (id: number, side: number) => track(id, [0], "person", { bbox: [0, 0, side, side] });
  const document = collected([sized(1, 10), sized(2, 30), sized(3, 20)]);
  const drawn = drawnRows(document, 0, new Set());
  assert.deepEqual(
    drawn.map((row) => boxOf(document, row).width),
    [30, 20, 10],
  );
  const many = collected(range(0, 1000).map((id) => sized(id, 1 + (id % 90))));
  assert.equal(drawnRows(many, 0, new Set()).length, 300);
});

test("a trail reaches 1.5 s back, in the times of the frames", () => {
  const document = collected([track(1, range(0, 50))]);
  const even = FrameTimes.constant(50, 25);
  const xs = (row: number, times: Pick<FrameTimes, "timeOf">) =>
    trailOf(document, row, times).map(({ x }) => x);
  // 1.5 s are 37 frames and a half; the middle of the lower edge is 5 px from the left.
  assert.deepEqual(
    xs(45, even),
    range(8, 46).map((frame) => 2 * frame + 5),
  );
  assert.deepEqual(xs(0, even), [5]);
  assert.ok(trailOf(document, 45, even).every(({ y }) => y === 30));
  const slow = FrameTimes.constant(50, 2);
  assert.deepEqual(
    xs(45, slow),
    range(42, 46).map((frame) => 2 * frame + 5),
  );
});

test("a trail has few points, and ends at the box", () => {
  const video = { ...VIDEO, frames: 5000, width: 20_000 };
  const document = collected([track(1, range(0, 5000))], video);
  const trail = trailOf(document, 4000, FrameTimes.constant(5000, 240));
  assert.ok(trail.length <= 48, String(trail.length));
  assert.equal(trail.at(-1)?.x, 8005);
});

test("spans have positions in time, and end with their last frame", () => {
  const frames = [...range(10, 20), ...range(30, 32)];
  const one = track(1, frames);
  for (const box of one.frames.slice(4, 6)) Object.assign(box, { interpolated: true });
  const document = collected([one]);
  const constant = spansOf(document, trackAt(document, 0), FrameTimes.constant(50, 25));
  const round = (spans: { from: number; to: number }[]) =>
    spans.map(({ from, to }) => [from, to].map((n) => Math.round(n * 1e6) / 1e6));
  assert.deepEqual(round([constant.whole]), [[0.2, 0.64]]);
  assert.deepEqual(round(constant.boxes), [
    [0.2, 0.4],
    [0.6, 0.64],
  ]);
  assert.deepEqual(round(constant.detected), [
    [0.2, 0.28],
    [0.32, 0.4],
    [0.6, 0.64],
  ]);
  // The first 25 frames last four times as long as the others.
  const starts = Float64Array.from(range(0, 50), (frame) =>
    frame < 25 ? frame * 0.16 : 4 + (frame - 25) * 0.04,
  );
  const varying = spansOf(document, trackAt(document, 0), new FrameTimes(starts, 5));
  assert.deepEqual(round(varying.boxes), [
    [0.32, 0.64],
    [0.84, 0.856],
  ]);
});
