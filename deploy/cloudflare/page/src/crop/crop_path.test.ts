import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameTimes } from "../media/frame_times.ts";
import {
  cropAt,
  type Keyframe,
  keyframeAt,
  neighboursOf,
  newPath,
  reshapedPath,
  withCentreMoved,
  withKeyframe,
  withKeyframeMoved,
  withoutKeyframe,
} from "./crop_path.ts";

const PICTURE = { width: 640, height: 360 };
const TIMES = FrameTimes.constant(100, 25);
const UNEVEN = new FrameTimes(Float64Array.of(0, 0.01, 0.5, 0.52, 2, 2.033));
const BOX = { x: 10, y: 20, w: 160, h: 90 };
const PATH: Keyframe[] = [
  { t: 0, x: 0, y: 0, w: 160, h: 90 },
  { t: 1, x: 100, y: 50, w: 320, h: 180 },
  { t: 3.96, x: 480, y: 270, w: 160, h: 90 },
];

test("two keyframes are joined by smoothstep", () => {
  const path = [PATH[0], PATH[1]] as Keyframe[];
  assert.deepEqual(cropAt(path, 0.5, PICTURE), { x: 50, y: 25, w: 240, h: 135 });
  assert.ok(Math.abs(cropAt(path, 0.25, PICTURE).x - 100 * (3 / 16 - 2 / 64)) < 1e-12);
  assert.deepEqual(cropAt(path, -5, PICTURE), { x: 0, y: 0, w: 160, h: 90 });
  assert.deepEqual(cropAt(path, 5, PICTURE), { x: 100, y: 50, w: 320, h: 180 });
});

test("a crop at a frame without a keyframe adds one there, at the frame's time", () => {
  for (const [frame, times] of [
    [50, TIMES],
    [2, UNEVEN],
  ] as const) {
    const path = withKeyframe(PATH, frame, BOX, times);
    const at = keyframeAt(path, frame, times);
    assert.deepEqual(path[at], { t: times.timeOf(frame), ...BOX });
    assert.equal(path.length, 4);
    assert.deepEqual(
      path.filter((_, k) => k !== at),
      PATH,
    );
  }
});

test("a crop at a frame that has a keyframe replaces it, at the frame's own time", () => {
  const path = withKeyframe([{ ...PATH[0], t: 0.039 } as Keyframe, ...PATH.slice(1)], 0, BOX, TIMES);
  assert.deepEqual(path, [{ t: 0, ...BOX }, PATH[1], PATH[2]]);
  const long = withKeyframe(PATH, 3, BOX, UNEVEN);
  assert.deepEqual(long, [PATH[0], { t: 0.52, ...BOX }, PATH[2]]);
});

test("a path of a video with a single frame keeps two keyframes", () => {
  const one = FrameTimes.constant(1, 25);
  const path = newPath(BOX, { first: 0, last: 0 }, one);
  assert.deepEqual(
    path.map(({ t }) => t),
    [0, 0.001],
  );
  const edited = withKeyframe(path, 0, { ...BOX, x: 5 }, one);
  assert.equal(edited.length, 2);
  assert.equal(edited[0]?.x, 5);
  assert.ok((edited[1]?.t ?? 0) > 0);
});

test("both keyframes of a jump keep their places when one of them changes", () => {
  const jump: Keyframe[] = [
    { t: 1.999, ...BOX },
    { t: 2, ...BOX, x: 300 },
  ];
  assert.equal(keyframeAt(jump, 49, TIMES), 0);
  assert.equal(keyframeAt(jump, 50, TIMES), 1);
  assert.deepEqual(withKeyframe(jump, 50, { ...BOX, x: 1 }, TIMES), [jump[0], { t: 2, ...BOX, x: 1 }]);
});

test("the keyframes before and after are those of other frames, wherever there are several in one", () => {
  const path = [0, 0.01, 1, 1.01, 3, 3.01].map((t) => ({ t, ...BOX }));
  const neighbours = (frame: number) => {
    const { previous, next } = neighboursOf(path, frame, TIMES);
    return [previous, next];
  };
  assert.deepEqual(neighbours(0), [-1, 2]);
  assert.deepEqual(neighbours(10), [1, 2]);
  assert.deepEqual(neighbours(25), [1, 4]);
  assert.deepEqual(neighbours(75), [3, -1]);
  assert.deepEqual(neighbours(99), [5, -1]);
});

test("a keyframe moves in time to a frame, and stays a frame away from its neighbours", () => {
  assert.equal(withKeyframeMoved(PATH, 1, 30, TIMES)[1]?.t, 1.2);
  assert.equal(withKeyframeMoved(PATH, 1, -7, TIMES)[1]?.t, 0.04);
  assert.equal(withKeyframeMoved(PATH, 1, 1000, TIMES)[1]?.t, 3.92);
  assert.equal(withKeyframeMoved(PATH, 2, 1000, TIMES)[2]?.t, 3.96);
  assert.equal(
    withKeyframeMoved([{ ...PATH[0] } as Keyframe, { ...PATH[1], t: 2 } as Keyframe], 1, 2, UNEVEN)[1]?.t,
    0.5,
  );
});

test("a path keeps two keyframes", () => {
  const two = withoutKeyframe(PATH, 1);
  assert.deepEqual(two, [PATH[0], PATH[2]]);
  assert.deepEqual(withoutKeyframe(two, 0), two);
});

test("a keyframe that is dragged keeps its size and stays in the picture", () => {
  assert.deepEqual(withCentreMoved(PATH, 0, { x: 300.25, y: 180 }, PICTURE)[0], {
    t: 0,
    x: 220.25,
    y: 135,
    w: 160,
    h: 90,
  });
  assert.deepEqual(withCentreMoved(PATH, 0, { x: -9, y: 999 }, PICTURE)[0], {
    t: 0,
    x: 0,
    y: 270,
    w: 160,
    h: 90,
  });
});

test("a new path has two equal keyframes, at least a frame apart", () => {
  assert.deepEqual(newPath(BOX, { first: 10, last: 20 }, TIMES), [
    { t: 0.4, ...BOX },
    { t: 0.8, ...BOX },
  ]);
  const [first, last] = newPath(BOX, { first: 99, last: 99 }, TIMES);
  assert.ok(first !== undefined && last !== undefined && last.t > first.t);
});

test("all keyframes get a new shape, and keep their zoom to each other", () => {
  const path = reshapedPath(PATH, 9 / 16, PICTURE);
  assert.deepEqual(
    path.map(({ w, h }) => [w, h]),
    [
      [101, 180],
      [202, 360],
      [101, 180],
    ],
  );
  for (const { x, y, w, h } of path) assert.ok(x >= 0 && y >= 0 && x + w <= 640 && y + h <= 360);
});
