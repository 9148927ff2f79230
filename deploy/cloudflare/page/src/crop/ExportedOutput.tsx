/** Shows the output of an export at the moment that the source shows: as a video, a GIF, or pictures from the worker. */

import { type CSSProperties, type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import type { Job } from "../api/client.ts";
import type { Seekable } from "../compare/Comparison.tsx";
import { type Output, useOutput } from "../compare/output.ts";
import type { Still } from "../media/preview.ts";
import { renewLinks } from "../media/source_picture.ts";
import { Skeleton } from "../ui/Skeleton.tsx";
import {
  type FrameFacts,
  nearestStill,
  useFramePlayer,
  useFrameTimes,
  type VideoClock,
} from "../video/clock.ts";
import type { PictureSize } from "./crop_box.ts";
import type { Exported } from "./exported.ts";
import { keepUp } from "./keep_up.ts";
import { partOf } from "./trim.ts";

/** An output that the browser plays, and the size at which it displays it: its pixels need not be square. */
type PlayableOutput = NonNullable<Output["video"]>;

interface ExportedOutputProps {
  job: Job;
  exported: Exported;
  /** The clock of the source; null if the source is not shown. */
  clock: VideoClock | null;
  /** Moves the video of an output without a clock. */
  ref?: Ref<Seekable>;
}

export function ExportedOutput({ job, exported, clock, ref }: ExportedOutputProps) {
  const output = useOutput(job);
  // Links are made anew for each answer; a picture that gets another `src` would be loaded again.
  const [gif] = useState(job.links.output);
  const [isBroken, setBroken] = useState(false);
  if (exported.format === "gif" && gif !== null && !isBroken) {
    return (
      <img
        className="exported"
        src={gif}
        alt="The output, an animated GIF"
        style={shapeOf(exported.size)}
        onError={() => setBroken(true)}
      />
    );
  }
  if (output === null) return <Skeleton height="16rem" label="Loading the output" />;
  if (output.video === null) return <OutputStills stills={output.stills} clock={clock} />;
  const { video } = output;
  if (clock === null) return <OutputAlone video={video} ref={ref} />;
  return <OutputInStep video={video} exported={exported} clock={clock} />;
}

/** The output fills its place, as far as the screen is high enough for it. */
function shapeOf(size: PictureSize | null): CSSProperties | undefined {
  if (size === null) return undefined;
  const { width, height } = size;
  return { aspectRatio: `${width} / ${height}`, width: `min(100%, ${((60 * width) / height).toFixed(3)}vh)` };
}

/** Times of a report are rounded, and a moment too early is in the frame before: so long after it the video is sought, in seconds. */
const ROUNDING_S = 0.001;

interface OutputAloneProps {
  video: PlayableOutput;
  ref: Ref<Seekable> | undefined;
}

function OutputAlone({ video: { url, size }, ref }: OutputAloneProps) {
  const element = useRef<HTMLVideoElement>(null);
  useImperativeHandle(ref, () => ({
    seek: (timeS) => {
      if (element.current === null) return;
      element.current.pause();
      element.current.currentTime = timeS + ROUNDING_S;
      element.current.scrollIntoView({ block: "nearest" });
    },
  }));
  return (
    // biome-ignore lint/a11y/useMediaCaption: there are no captions of a user's video.
    <video
      ref={element}
      className="exported"
      aria-label="Output"
      src={url}
      crossOrigin="anonymous"
      controls
      playsInline
      style={shapeOf(size)}
      onError={renewLinks}
    />
  );
}

interface OutputInStepProps {
  video: PlayableOutput;
  exported: Exported;
  clock: VideoClock;
}

/** The output, which follows the clock of the source: at the same moment while paused and while playing. */
function OutputInStep({ video: { url, size }, exported, clock }: OutputInStepProps) {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const { times } = useFrameTimes(url, factsOf(exported, clock));
  const player = useFramePlayer(video, url, times);
  const { frame, playing } = clock;
  const first = partOf(exported.start, exported.end, clock.times.startsS).first;
  // In the middle of the frame, as the two containers round its times differently.
  const middleS = clock.times.middleOf(frame) - clock.times.timeOf(first);
  useEffect(() => {
    if (player === null) return;
    if (playing) {
      keepUp(player, middleS);
    } else {
      player.pause();
      player.show(times.frameAt(middleS));
    }
  }, [player, times, middleS, playing]);
  return (
    <video
      ref={setVideo}
      className="exported"
      aria-label="Output"
      crossOrigin="anonymous"
      preload="auto"
      playsInline
      muted
      tabIndex={-1}
      style={shapeOf(size)}
      onError={renewLinks}
    />
  );
}

function factsOf({ frames, durationS }: Exported, clock: VideoClock): FrameFacts {
  return {
    frames,
    fps: frames !== null && durationS !== null ? frames / durationS : null,
    durationS: durationS ?? clock.durationS,
  };
}

/** Pictures of the output that the worker has made, for a video that the browser does not play. */
function OutputStills({ stills, clock }: { stills: Still[]; clock: VideoClock | null }) {
  const shown = stills.filter(({ output }) => output !== null);
  const still = shown[nearestStill(shown, clock?.timeS ?? 0)];
  if (still === undefined || still.output === null) {
    return <p>This browser cannot play the output. Download it to see it.</p>;
  }
  return (
    <>
      <img
        className="exported"
        src={still.output}
        alt={`The output at ${still.timeS.toFixed(2)} s of the source`}
      />
      <p>This browser cannot play the output: these are pictures of it. Download it to see all.</p>
    </>
  );
}
