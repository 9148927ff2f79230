/** Computes crop boxes: moves, resizes and fits them. Every box that a function returns lies in the picture. */

/** A rectangle in pixels of the picture as displayed; x and y are its left and top edge. */
export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** The size of the picture as displayed, in pixels. */
export interface PictureSize {
  width: number;
  height: number;
}

/** The steps in which boxes change, in pixels: `place` for the edges, `side` for the width and the height. */
export interface Grid {
  place: number;
  side: number;
}

/** Boxes that are dragged have even sides, because 4:2:0 video has no odd ones. */
export const EVEN_SIDES: Grid = { place: 1, side: 2 };
/** Boxes that are typed may have any whole sides. */
export const WHOLE_PIXELS: Grid = { place: 1, side: 1 };
/** Boxes of a path keep one aspect ratio, so they need fractions of a pixel. The worker rounds to the same. */
export const THOUSANDTHS: Grid = { place: 0.001, side: 0.001 };

/** The shortest side that a box can be given, in pixels. The worker accepts 1, which is too small to see. */
export const SMALLEST_PX = 16;

export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"] as const;
/** The edges that a handle moves, as points of the compass. */
export type Handle = (typeof HANDLES)[number];

/** Returns the whole picture as a box. */
export function wholePicture({ width, height }: PictureSize): Box {
  return { x: 0, y: 0, w: width, h: height };
}

/** Returns whether a box is the whole picture. */
export function isWholePicture(box: Box, { width, height }: PictureSize): boolean {
  return box.x === 0 && box.y === 0 && box.w === width && box.h === height;
}

/** Returns the point in the middle of a box. */
export function centreOf(box: Box): { x: number; y: number } {
  return { x: box.x + box.w / 2, y: box.y + box.h / 2 };
}

/** Returns a number rounded to a multiple of a step, without digits of binary fractions. */
export function snapped(value: number, step: number): number {
  const multiple = Math.round(value / step) * step;
  return step < 1 ? Math.round(multiple * 1000) / 1000 : multiple;
}

/** Returns a box moved by a distance in pixels, but not out of the picture. */
export function moved(box: Box, dx: number, dy: number, picture: PictureSize, grid = EVEN_SIDES): Box {
  return {
    ...box,
    x: placed(box.x + dx, box.w, picture.width, grid),
    y: placed(box.y + dy, box.h, picture.height, grid),
  };
}

/**
 * Returns a box after one of its handles was dragged by a distance in pixels. The opposite edges stay.
 *
 * @param aspect width : height, which the box keeps; null if both sides change freely. With an aspect, the side that
 *   the handle does not move changes around its middle.
 */
export function resized(
  box: Box,
  handle: Handle,
  dx: number,
  dy: number,
  picture: PictureSize,
  aspect: number | null,
  grid = EVEN_SIDES,
): Box {
  const across = handle.includes("w") ? -1 : handle.includes("e") ? 1 : 0;
  const down = handle.includes("n") ? -1 : handle.includes("s") ? 1 : 0;
  const wide = box.w + across * dx;
  const high = box.h + down * dy;
  if (aspect === null) {
    const w =
      across === 0 ? box.w : side(wide, smallest(picture), room(box.x, box.w, across, picture.width), grid);
    const h =
      down === 0 ? box.h : side(high, smallest(picture), room(box.y, box.h, down, picture.height), grid);
    return anchored(box, w, h, across, down, picture, grid);
  }
  const wanted = across === 0 ? high * aspect : down === 0 ? wide : Math.max(wide, high * aspect);
  const most = {
    width: room(box.x, box.w, across, picture.width),
    height: room(box.y, box.h, down, picture.height),
  };
  const { w, h } = sides(wanted, aspect, most, smallest(picture), grid);
  return anchored(box, w, h, across, down, picture, grid);
}

/** Returns a box that is wider by a distance in pixels, around its middle and with the same aspect ratio. */
export function zoomed(
  box: Box,
  by: number,
  picture: PictureSize,
  aspect: number | null,
  grid = EVEN_SIDES,
): Box {
  const { w, h } = sides(box.w + by, aspect ?? box.w / box.h, picture, smallest(picture), grid);
  return anchored(box, w, h, 0, 0, picture, grid);
}

/** Returns a box with one number that was typed; the others change only as far as the picture and the aspect demand. */
export function withNumber(
  box: Box,
  name: keyof Box,
  value: number,
  picture: PictureSize,
  aspect: number | null,
  grid = WHOLE_PIXELS,
): Box {
  if (!Number.isFinite(value)) return box;
  if (name === "x") return { ...box, x: placed(value, box.w, picture.width, grid) };
  if (name === "y") return { ...box, y: placed(value, box.h, picture.height, grid) };
  const least = smallest(picture);
  const next =
    aspect !== null
      ? sides(name === "w" ? value : value * aspect, aspect, picture, least, grid)
      : name === "w"
        ? { w: side(value, least, picture.width, grid), h: box.h }
        : { w: box.w, h: side(value, least, picture.height, grid) };
  const { x, y } = box;
  return {
    x: placed(x, next.w, picture.width, grid),
    y: placed(y, next.h, picture.height, grid),
    ...next,
  };
}

/** Returns a box of a width and a height around a point, moved into the picture. */
export function around(
  centre: { x: number; y: number },
  w: number,
  h: number,
  picture: PictureSize,
  grid = EVEN_SIDES,
): Box {
  return {
    x: placed(centre.x - w / 2, w, picture.width, grid),
    y: placed(centre.y - h / 2, h, picture.height, grid),
    w,
    h,
  };
}

/**
 * Returns the largest width and height of an aspect ratio, in even numbers, as `crop_of_aspect` in
 * orchestrator/framing/crop_geometry.py.
 *
 * @param aspect width : height.
 * @param zoom 1 for the largest, 2 for half its width and height.
 */
export function largestOfAspect(aspect: number, picture: PictureSize, zoom = 1): { w: number; h: number } {
  return {
    w: even(Math.min(picture.width, picture.height * aspect) / zoom, picture.width),
    h: even(Math.min(picture.height, picture.width / aspect) / zoom, picture.height),
  };
}

function even(length: number, whole: number): number {
  return Math.max(Math.min(2 * roundedHalfToEven(length / 2), whole - (whole % 2)), Math.min(2, whole));
}

/** Returns the nearest whole number; the even one of two that are equally near, as Python and NumPy round. */
export function roundedHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function smallest({ width, height }: PictureSize): number {
  return Math.min(SMALLEST_PX, width, height);
}

/** Returns how long a side can become if its edge at `start` stays, or that at the other end, or neither. */
function room(start: number, length: number, direction: number, whole: number): number {
  if (direction === 0) return whole;
  return direction > 0 ? whole - start : start + length;
}

function placed(start: number, length: number, whole: number, grid: Grid): number {
  const last = whole - length;
  return Math.max(0, Math.min(snapped(start, grid.place), grid.place < 1 ? snapped(last, grid.place) : last));
}

/** Returns the nearest multiple of the grid from `least` to `most`; `most` itself if there is none. */
function side(length: number, least: number, most: number, grid: Grid): number {
  const top = grid.side * Math.floor(most / grid.side + 1e-9);
  const floor = Math.min(grid.side * Math.ceil(least / grid.side - 1e-9), top);
  const value = snapped(Math.min(Math.max(length, floor), top), grid.side);
  return value > 0 ? value : most;
}

/** Returns both sides for a width that is wished for: as near as the room, the smallest side and the grid allow. */
function sides(
  width: number,
  aspect: number,
  most: PictureSize,
  least: number,
  grid: Grid,
): { w: number; h: number } {
  const widest = Math.min(most.width, most.height * aspect);
  const narrowest = Math.min(Math.max(least, least * aspect), widest);
  const w = side(Math.min(Math.max(width, narrowest), widest), 0, widest, grid);
  const h = side(w / aspect, 0, most.height, grid);
  return { w, h };
}

function anchored(
  box: Box,
  w: number,
  h: number,
  across: number,
  down: number,
  picture: PictureSize,
  grid: Grid,
): Box {
  const left = across > 0 ? box.x : across < 0 ? box.x + box.w - w : box.x + (box.w - w) / 2;
  const top = down > 0 ? box.y : down < 0 ? box.y + box.h - h : box.y + (box.h - h) / 2;
  return { x: placed(left, w, picture.width, grid), y: placed(top, h, picture.height, grid), w, h };
}
