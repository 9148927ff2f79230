/** Places a picture in its window: fitted, or so many screen pixels for each of its own, wherever it was moved to. */

/** `fit`, or the width of a picture's pixel on the screen, in device pixels. */
export type Zoom = "fit" | 1 | 2 | 4;

export const ZOOMS: readonly Zoom[] = ["fit", 1, 2, 4];

/** A size, or a point, in CSS pixels or in pixels of the picture, as stated. */
export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** Where a picture lies in its window, in CSS pixels from the window's top left corner. */
export interface Placement extends Size, Point {}

/** The middle of the picture, as a share of its width and of its height. */
export const MIDDLE: Point = { x: 0.5, y: 0.5 };

/**
 * Places a picture in a window.
 *
 * @param picture the size of the picture, in its own pixels.
 * @param view the size of the window, in CSS pixels.
 * @param ratio how many device pixels a CSS pixel has.
 * @param centre the point of the picture in the middle of the window, as a share of its size; a picture that is larger
 *   than the window covers it nevertheless, and a smaller one stands in its middle.
 */
export function place(picture: Size, view: Size, zoom: Zoom, ratio: number, centre: Point): Placement {
  if (zoom === "fit") {
    const scale = Math.min(view.width / picture.width, view.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    return { width, height, x: (view.width - width) / 2, y: (view.height - height) / 2 };
  }
  const width = (picture.width * zoom) / ratio;
  const height = (picture.height * zoom) / ratio;
  // Browsers put the window itself at whole device pixels; so must the picture be in it, or it is smoothed.
  const whole = (start: number) => Math.round(start * ratio) / ratio;
  return {
    width,
    height,
    x: whole(startOf(width, view.width, centre.x)),
    y: whole(startOf(height, view.height, centre.y)),
  };
}

function startOf(length: number, room: number, centre: number): number {
  if (length <= room) return (room - length) / 2;
  return Math.min(0, Math.max(room - length, room / 2 - centre * length));
}

/** Returns the point of the picture that is in the middle of the window, as a share of its size. */
export function centreOf(placed: Placement, view: Size): Point {
  return {
    x: (view.width / 2 - placed.x) / placed.width,
    y: (view.height / 2 - placed.y) / placed.height,
  };
}

/** Returns the new centre when a picture is moved by so many CSS pixels. */
export function moved(placed: Placement, view: Size, by: Point): Point {
  return centreOf({ ...placed, x: placed.x + by.x, y: placed.y + by.y }, view);
}

/** Returns the centre with which the point of the picture at `at`, in CSS pixels of the window, stays there at another zoom. */
export function centreKeeping(
  at: Point,
  from: Placement,
  picture: Size,
  view: Size,
  zoom: Zoom,
  ratio: number,
): Point {
  const { width, height } = place(picture, view, zoom, ratio, MIDDLE);
  return {
    x: (at.x - from.x) / from.width + (view.width / 2 - at.x) / width,
    y: (at.y - from.y) / from.height + (view.height / 2 - at.y) / height,
  };
}

/** Returns the zoom that is so many steps closer; the first or the last if there are not as many. */
export function closer(zoom: Zoom, steps: number): Zoom {
  const index = Math.min(Math.max(ZOOMS.indexOf(zoom) + steps, 0), ZOOMS.length - 1);
  return ZOOMS[index] ?? "fit";
}
