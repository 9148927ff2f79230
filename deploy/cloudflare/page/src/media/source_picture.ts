/** Decides how the source of a job can be shown: as a video that the browser plays, or by pictures from the worker. */

/** A moment of the source as a picture, which the worker has made. */
export interface Still {
  /** Seconds from the start of the source. */
  timeS: number;
  /** The frame of the source, as a data: URL of a JPEG. */
  source: string;
  /** The frame of the output at that moment, or null. */
  output: string | null;
}

export type SourcePicture =
  | { kind: "loading" }
  /** `isStandIn`: the browser cannot play the source, and the output of another job on it is shown in its place. */
  | { kind: "video"; url: string; isStandIn: boolean }
  | { kind: "stills"; stills: Still[] }
  /** The browser cannot play the source, and no job has made pictures of it yet. */
  | { kind: "none" };

/** Returns how the source of an upload can be shown. */
export function useSourcePicture(_uploadId: string): SourcePicture {
  return { kind: "loading" };
}
