/** Chooses the boxes of a frame that are drawn. */

import { rowsAt, type TrackDocument } from "./track_document.ts";

/** The most boxes that are drawn in a frame: the largest. More could not be told apart. */
const MOST_DRAWN = 300;

/** Returns the rows of a frame to draw, the largest box first, so that small ones lie on top and can be clicked. */
export function drawnRows(document: TrackDocument, frame: number, hidden: ReadonlySet<string>): number[] {
  const { boxes, trackOf, tracks } = document;
  const area = (row: number) => (boxes[4 * row + 2] ?? 0) * (boxes[4 * row + 3] ?? 0);
  const rows = [...rowsAt(document, frame)];
  const shown =
    hidden.size === 0 ? rows : rows.filter((row) => !hidden.has(tracks[trackOf[row] ?? 0]?.className ?? ""));
  return shown.sort((one, other) => area(other) - area(one)).slice(0, MOST_DRAWN);
}
