/**
 * Reads the index of an MP4 or QuickTime file: the size of its video, its codec, and when each frame is shown.
 *
 * The boxes are those of ISO/IEC 14496-12. Only the index is read (the box `moov`), from a file, or from a URL by ranges.
 * Files that are unusual, such as fragmented ones, are left to mediabunny (`other_containers.ts`), which is much larger.
 */

import { BoxReader, boxesOf } from "./boxes.ts";
import { type ByteSource, byteSource } from "./byte_source.ts";

/** The video of a movie. */
interface MovieIndex {
  /** The size of the coded picture, before the rotation. */
  codedWidth: number;
  codedHeight: number;
  /** The width of a pixel divided by its height. */
  pixelAspect: number;
  /** How far the picture is turned clockwise to be upright, in degrees. */
  rotation: 0 | 90 | 180 | 270;
  /** The codec, such as `avc`, `hevc` or `prores`; else the name of the sample entry, such as `mp4v`. */
  codec: string;
  /** When each frame is shown, in order, in seconds from the first. */
  startsS: Float64Array;
  /** When the last frame ends, in seconds from the first. */
  endS: number;
}

const CODECS: Record<string, string> = {
  avc1: "avc",
  avc3: "avc",
  hvc1: "hevc",
  hev1: "hevc",
  dvh1: "hevc",
  dvhe: "hevc",
  vp08: "vp8",
  vp09: "vp9",
  av01: "av1",
  apch: "prores",
  apcn: "prores",
  apcs: "prores",
  apco: "prores",
  ap4h: "prores",
  ap4x: "prores",
};

/** The largest index that is read, in bytes: that of some days of video. */
const MOST_INDEX_BYTES = 64 * 2 ** 20;
/** The most frames of an index; a few bytes could claim billions. */
const MOST_FRAMES = 5_000_000;
/** How many boxes may stand beside the index at the start of a file. */
const MOST_BOXES = 64;
/** How much is read at once while the index is looked for, in bytes. */
const FIRST_BYTES = 4096;

/** Returns the index of a movie; null if the file is another one, or an unusual one. */
export async function readMovieIndex(source: Blob | string): Promise<MovieIndex | null> {
  try {
    const moov = await findIndex(byteSource(source));
    return moov === null ? null : videoOf(moov);
  } catch {
    // The file is damaged, or cannot be read.
    return null;
  }
}

/** Finds the box `moov` among the boxes of a file, and returns what is in it. */
async function findIndex(bytes: ByteSource): Promise<BoxReader | null> {
  let offset = 0;
  for (let count = 0; count < MOST_BOXES; count += 1) {
    const start = new BoxReader(await bytes.read(offset, offset + FIRST_BYTES));
    const header = start.header();
    // Every movie that players know begins with one of these.
    if (
      header === null ||
      (count === 0 && !["ftyp", "moov", "mdat", "wide", "free", "skip"].includes(header.type))
    ) {
      return null;
    }
    if (header.type === "moov") {
      if (header.size > MOST_INDEX_BYTES) return null;
      const box = new BoxReader(await bytes.read(offset, offset + header.size));
      box.header();
      return box;
    }
    // A size of 0 stands for the rest of the file, in which there is no index.
    if (header.size === 0) return null;
    offset += header.size;
  }
  return null;
}

function videoOf(moov: BoxReader): MovieIndex | null {
  const boxes = boxesOf(moov);
  // Fragments have an index each. With several videos, the choice among them is not made here.
  if (boxes.has("mvex")) return null;
  const videos = (boxes.get("trak") ?? []).map(boxesOf).filter(isVideo);
  const [track] = videos;
  if (videos.length !== 1 || track === undefined) return null;
  const media = boxesOf(only(track, "mdia"));
  const table = boxesOf(only(boxesOf(only(media, "minf")), "stbl"));
  const entry = sampleEntry(only(table, "stsd"));
  const times = frameTimes(table);
  if (times === null || !hasSimpleEdit(track, times.firstTicks)) return null;
  const timescale = timescaleOf(only(media, "mdhd"));
  return {
    ...entry,
    rotation: rotationOf(only(track, "tkhd")),
    startsS: times.starts.map((ticks) => ticks / timescale),
    endS: times.end / timescale,
  };
}

type Boxes = Map<string, BoxReader[]>;

function only(boxes: Boxes, type: string): BoxReader {
  const [box] = boxes.get(type) ?? [];
  if (box === undefined) throw new Error(`there is no box ${type}`);
  return box.fromStart();
}

function isVideo(track: Boxes): boolean {
  const handler = only(boxesOf(only(track, "mdia")), "hdlr");
  handler.skip(8);
  return handler.text(4) === "vide";
}

/** Returns the ticks per second of a box `mvhd` or `mdhd`, which begin alike. */
function timescaleOf(box: BoxReader): number {
  const reader = box.fromStart();
  const version = reader.u8();
  reader.skip(3 + (version === 1 ? 16 : 8));
  const timescale = reader.u32();
  if (timescale === 0) throw new Error("the timescale is 0");
  return timescale;
}

/** Reads the first entry of a box `stsd`: the codec, the size, and the shape of a pixel. */
function sampleEntry(
  stsd: BoxReader,
): Pick<MovieIndex, "codec" | "codedWidth" | "codedHeight" | "pixelAspect"> {
  stsd.skip(8);
  const header = stsd.header();
  if (header === null) throw new Error("there is no sample entry");
  stsd.skip(24);
  const [codedWidth, codedHeight] = [stsd.u16(), stsd.u16()];
  stsd.skip(50);
  const pasp = boxesOf(stsd).get("pasp")?.[0];
  const [across, down] = pasp === undefined ? [1, 1] : [pasp.u32(), pasp.u32()];
  return {
    codec: CODECS[header.type] ?? header.type.trim(),
    codedWidth,
    codedHeight,
    pixelAspect: across > 0 && down > 0 ? across / down : 1,
  };
}

interface Times {
  /** When each frame is shown, in order, in ticks from the first. */
  starts: Float64Array;
  end: number;
  /** When the first frame is shown, on the clock of the media. */
  firstTicks: number;
}

/** Adds up the durations of the frames (`stts`) and the offsets from decoding to showing (`ctts`). */
function frameTimes(table: Boxes): Times | null {
  const durations = runsOf(only(table, "stts"));
  const frames = durations.reduce((sum, [count]) => sum + count, 0);
  if (frames === 0 || frames > MOST_FRAMES) return null;
  const shown = new Float64Array(frames);
  let [frame, ticks, lastDuration] = [0, 0, 0];
  for (const [count, duration] of durations) {
    for (let left = count; left > 0; left -= 1) {
      shown[frame++] = ticks;
      ticks += duration;
    }
    lastDuration = duration;
  }
  if (table.has("ctts")) {
    frame = 0;
    for (const [count, offset] of runsOf(only(table, "ctts"))) {
      for (let left = count; left > 0 && frame < frames; left -= 1) {
        shown[frame] = (shown[frame] ?? 0) + (offset | 0);
        frame += 1;
      }
    }
  }
  shown.sort();
  const first = shown[0] ?? 0;
  const starts = shown.map((time) => time - first);
  return { starts, end: (starts.at(-1) ?? 0) + lastDuration, firstTicks: first };
}

/** Reads a table of runs: how many frames in a row have which value. */
function runsOf(box: BoxReader): [count: number, value: number][] {
  box.skip(4);
  const runs = box.u32();
  return Array.from({ length: Math.min(runs, box.left / 8) }, () => [box.u32(), box.u32()]);
}

/** Returns whether a track is shown from its first frame on, after a wait or not: with at most one edit. */
function hasSimpleEdit(track: Boxes, firstTicks: number): boolean {
  if (!track.has("edts")) return true;
  const list = boxesOf(only(track, "edts")).get("elst")?.[0];
  if (list === undefined) return true;
  const version = list.u8();
  list.skip(3);
  const starts = Array.from({ length: Math.min(list.u32(), 3) }, () => {
    list.skip(version === 1 ? 8 : 4);
    const mediaTime = version === 1 ? list.i64() : list.u32() | 0;
    list.skip(4);
    return mediaTime;
  }).filter((mediaTime) => mediaTime !== -1);
  return starts.length <= 1 && (starts[0] ?? 0) <= firstTicks;
}

/** Reads how a track is turned from the matrix in its box `tkhd`. */
function rotationOf(tkhd: BoxReader): MovieIndex["rotation"] {
  const version = tkhd.u8();
  tkhd.skip(3 + (version === 1 ? 32 : 20) + 16);
  const [a, b] = [tkhd.u32() | 0, tkhd.u32() | 0];
  if (Math.abs(a) >= Math.abs(b)) return a < 0 ? 180 : 0;
  return b > 0 ? 90 : 270;
}
