/** Checks what JSON Schema cannot state of a document of tracks, as orchestrator/framing/track_file_reader.py does. */

/** A document that has the form of the JSON Schema of `tracks`. */
interface TracksDocument {
  tracks: { id: number; frames: { frame: number; bbox: [number, number, number, number] }[] }[];
  video?: { width?: number | null; height?: number | null; frames?: number | null; cuts?: number[] };
}

/** A box may leave the picture by this much: not every tracker clips boxes at the edge. */
const OUTSIDE_PX = 1;

/**
 * Returns which rule a document of tracks breaks, as a sentence, or null.
 *
 * @param values a document that has the form of the JSON Schema.
 */
export function brokenTrackRule(values: Record<string, unknown>): string | null {
  const { tracks, video = {} } = values as unknown as TracksDocument;
  const { width, height, frames, cuts = [] } = video;
  const ids = new Set<number>();
  // The size is unknown unless both sides are given, and then nothing can be compared with it.
  const hasSize = width != null && height != null;
  const [right, bottom] = hasSize ? [width + OUTSIDE_PX, height + OUTSIDE_PX] : [Infinity, Infinity];
  const left = hasSize ? -OUTSIDE_PX : -Infinity;
  const end = hasSize && frames != null ? frames : Infinity;
  for (const track of tracks) {
    if (ids.has(track.id)) return `params.tracks is refused: there are two tracks of id ${track.id}`;
    ids.add(track.id);
    let last = -1;
    for (const { frame, bbox } of track.frames) {
      const [x, y, w, h] = bbox;
      if (frame <= last) return `params.tracks is refused: the frames of track ${track.id} must rise`;
      if (!Number.isFinite(x + w) || !Number.isFinite(y + h)) {
        return `params.tracks is refused: a box of track ${track.id} is too large`;
      }
      if (Math.min(x, y, x + w, y + h) < left || Math.max(x, x + w) > right || Math.max(y, y + h) > bottom) {
        return `params.tracks is refused: track ${track.id} has a box outside the picture of the video`;
      }
      if (frame >= end) return `params.tracks is refused: track ${track.id} has a box after the last frame`;
      last = frame;
    }
  }
  for (const [number, cut] of cuts.entries()) {
    if (cut <= (cuts[number - 1] ?? 0)) return "params.tracks is refused: video.cuts must rise from 1";
    if (cut >= end) return "params.tracks is refused: video.cuts has a cut after the last frame";
  }
  return null;
}
