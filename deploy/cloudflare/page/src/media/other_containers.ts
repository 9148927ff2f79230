/** Reads what a video is from its container with mediabunny, which knows many containers and is loaded only for them. */

import {
  BlobSource,
  EncodedPacketSink,
  Input,
  type InputVideoTrack,
  Logging,
  LogLevel,
  MATROSKA,
  MP4,
  MPEG_TS,
  QTFF,
  UrlSource,
  WEBM,
} from "mediabunny";

import { displayedSize } from "./displayed_size.ts";
import type { VideoFacts } from "./probe.ts";

// Importing mediabunny as a whole elsewhere would load all of it.
export { EncodedPacketSink };

/** How long the container may be read, in milliseconds; after that the video counts as one that cannot be read here. */
const TIME_LIMIT_MS = 20_000;
/** How long frames are counted, in milliseconds; after that their number is estimated. */
const COUNTING_MS = 4000;
/** How many frames the frame rate is estimated from in containers that do not list their frames. */
const FRAMES_OF_ESTIMATE = 300;
/** How many bytes of a Matroska or MPEG-TS file are read to find a duration that its header does not state. */
const SCAN_BYTES = 2 ** 30;
/** How often a failed request of a range is repeated. */
const RETRIES = 2;

/**
 * Opens a file, or a URL that answers Range requests. Matroska and others can be read, and the MP4 and QuickTime files
 * that `movie_index.ts` leaves.
 */
export function openContainer(source: Blob | string): Input {
  // Errors of requests would appear in the console, with the presigned URL in their text.
  Logging.level = LogLevel.Silent;
  const handleUnhandledError = () => {};
  return new Input({
    formats: [MATROSKA, WEBM, MP4, QTFF, MPEG_TS],
    source:
      source instanceof Blob
        ? new BlobSource(source, { handleUnhandledError })
        : new UrlSource(source, {
            handleUnhandledError,
            getRetryDelay: (attempts) => (attempts < RETRIES ? 1 : null),
          }),
  });
}

/** Reads a video's facts; null if the container cannot be read here. */
export async function probeContainer(source: Blob | string): Promise<VideoFacts | null> {
  const input = openContainer(source);
  const timer = setTimeout(() => input.dispose(), TIME_LIMIT_MS);
  try {
    if (!(await input.canRead())) return null;
    const track = await input.getPrimaryVideoTrack();
    return track === null ? null : await factsOf(input, track, source instanceof Blob ? source.size : null);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    input.dispose();
  }
}

async function factsOf(
  input: Input,
  track: InputVideoTrack,
  bytes: number | null,
): Promise<VideoFacts | null> {
  const [codedWidth, codedHeight, aspect, rotation] = await Promise.all([
    track.getCodedWidth(),
    track.getCodedHeight(),
    track.getPixelAspectRatio(),
    track.getRotation(),
  ]);
  const pixelAspect = aspect.num > 0 && aspect.den > 0 ? aspect.num / aspect.den : 1;
  const [width, height] = displayedSize({ codedWidth, codedHeight, pixelAspect, rotation });
  if (!(width > 0 && height > 0)) return null;
  const format = await input.getFormat();
  const listsFrames = format === MP4 || format === QTFF;
  const seen = await packetsOf(track, listsFrames ? Number.POSITIVE_INFINITY : FRAMES_OF_ESTIMATE);
  const durationS = seen.isWhole && seen.durationS > 0 ? seen.durationS : await lengthOf(track, bytes);
  if (durationS === null) return null;
  const fps = await rateOf(track, seen);
  const estimate = fps === null ? null : Math.max(1, Math.round(durationS * fps));
  const frames = seen.isWhole && seen.count > 0 ? seen.count : estimate;
  const codec = (await track.getCodec()) ?? (await containersCodec(track));
  return { width, height, frames, fps, durationS, codec };
}

/** Returns the frames per second; null if fewer than two frames were seen. */
async function rateOf(track: InputVideoTrack, seen: Packets): Promise<number | null> {
  if (seen.count < 2 || seen.durationS <= 0) return null;
  // Matroska rounds times to milliseconds, so the rate that fits all of them is more exact than their average.
  const metrics = await track.computeFrameRateMetrics({ targetPacketCount: FRAMES_OF_ESTIMATE });
  const constant = metrics.frameRateIsConstant ? metrics.underlyingFrameRate : null;
  const average = seen.count / seen.durationS;
  return constant !== null && Math.abs(constant / average - 1) < 0.01 ? constant : average;
}

/** Returns the duration of a video track from its first frame, in seconds; null if it would take too long to find. */
async function lengthOf(track: InputVideoTrack, bytes: number | null): Promise<number | null> {
  const end =
    (await track.getDurationFromMetadata()) ??
    (bytes !== null && bytes <= SCAN_BYTES ? await track.computeDuration() : null);
  if (end === null) return null;
  const durationS = end - Math.max(0, await track.getFirstTimestamp());
  return Number.isFinite(durationS) && durationS > 0 ? durationS : null;
}

interface Packets {
  count: number;
  /** From the start of the first to the end of the last of these packets, in the order in which they are shown. */
  durationS: number;
  /** Whether these are all packets of the track. */
  isWhole: boolean;
}

/** Looks at about `limit` packets from the start of a track, at their times only. */
async function packetsOf(track: InputVideoTrack, limit: number): Promise<Packets> {
  const deadline = performance.now() + COUNTING_MS;
  let [count, start, end] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, {
    metadataOnly: true,
  })) {
    // Frames are stored in the order of decoding: one that is shown after all others ends a span without gaps.
    const isEnough = count >= limit || (count % 256 === 255 && performance.now() > deadline);
    if (isEnough && packet.timestamp >= end) return { count, durationS: end - start, isWhole: false };
    count += 1;
    start = Math.min(start, packet.timestamp);
    end = Math.max(end, packet.timestamp + packet.duration);
  }
  return { count, durationS: count > 0 ? end - start : 0, isWhole: true };
}

/** Returns what the container calls the codec of a track, such as `mp4v` or `V_MPEG2`. */
async function containersCodec(track: InputVideoTrack): Promise<string | null> {
  const id = await track.getInternalCodecId();
  return typeof id === "string" ? id : null;
}
