import assert from "node:assert/strict";
import { test } from "node:test";
import { centreKeeping, centreOf, closer, MIDDLE, moved, place, type Zoom } from "./zoom.ts";

const PICTURE = { width: 1280, height: 720 };

test("a fitted picture stands in the middle and keeps its shape", () => {
  assert.deepEqual(place(PICTURE, { width: 640, height: 400 }, "fit", 2, MIDDLE), {
    width: 640,
    height: 360,
    x: 0,
    y: 20,
  });
});

test("a pixel takes as many device pixels as the zoom says, from a whole one on", () => {
  for (const ratio of [1, 1.25, 1.5, 2, 2.625, 3]) {
    for (const zoom of [1, 2, 4] as Zoom[]) {
      const placed = place(PICTURE, { width: 333.4, height: 187.6 }, zoom, ratio, { x: 0.31, y: 0.77 });
      assert.ok(Math.abs((placed.width * ratio) / PICTURE.width - Number(zoom)) < 1e-9);
      for (const start of [placed.x * ratio, placed.y * ratio]) {
        assert.ok(Math.abs(start - Math.round(start)) < 1e-6, `${start}`);
      }
    }
  }
});

test("a large picture covers its window, however far it is moved", () => {
  const view = { width: 300, height: 200 };
  for (const centre of [{ x: -5, y: 9 }, { x: 0, y: 0 }, { x: 1, y: 1 }, MIDDLE]) {
    const { x, y, width, height } = place(PICTURE, view, 1, 1, centre);
    assert.ok(x <= 0 && y <= 0 && x + width >= view.width && y + height >= view.height);
  }
});

test("a small picture stands in the middle at every centre", () => {
  const placed = place({ width: 96, height: 64 }, { width: 300, height: 200 }, 1, 1, { x: 0, y: 1 });
  assert.deepEqual(placed, { width: 96, height: 64, x: 102, y: 68 });
});

test("moving by so many pixels moves the picture so far", () => {
  const view = { width: 300, height: 200 };
  const before = place(PICTURE, view, 2, 1, MIDDLE);
  const after = place(PICTURE, view, 2, 1, moved(before, view, { x: -37, y: 12 }));
  assert.deepEqual([after.x - before.x, after.y - before.y], [-37, 12]);
  const centre = centreOf(before, view);
  assert.ok(Math.abs(centre.x - 0.5) < 1e-9 && Math.abs(centre.y - 0.5) < 1e-9);
});

test("the point under the pointer stays there at another zoom", () => {
  const view = { width: 640, height: 360 };
  const at = { x: 200, y: 150 };
  const from = place(PICTURE, view, "fit", 1, MIDDLE);
  const to = place(PICTURE, view, 2, 1, centreKeeping(at, from, PICTURE, view, 2, 1));
  const share = (placed: typeof from) => [
    (at.x - placed.x) / placed.width,
    (at.y - placed.y) / placed.height,
  ];
  const [before, after] = [share(from), share(to)];
  assert.ok(Math.abs((before[0] ?? 0) - (after[0] ?? 1)) < 1 / to.width);
  assert.ok(Math.abs((before[1] ?? 0) - (after[1] ?? 1)) < 1 / to.height);
});

test("the steps of zoom end at the first and the last", () => {
  assert.equal(closer("fit", -1), "fit");
  assert.equal(closer("fit", 1), 1);
  assert.equal(closer(2, 1), 4);
  assert.equal(closer(4, 1), 4);
});
