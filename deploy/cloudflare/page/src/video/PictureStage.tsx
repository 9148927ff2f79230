/** Shows a source, as a video or as stills, with an overlay in the pixels of the source, and the buttons that move it. */

import { type ReactNode, useState } from "react";
import type { VideoFacts } from "../media/probe.ts";
import { renewLinks, type SourcePicture } from "../media/source_picture.ts";
import { useFrameTimes, useStillsClock, useVideoClock, type VideoClock } from "./clock.ts";
import { moveByKeys, Transport } from "./Transport.tsx";
import { UnplayableNotice } from "./UnplayableNotice.tsx";
import "./PictureStage.css";

interface PictureStageProps {
  picture: SourcePicture;
  /** The size of the picture as displayed, and its frames. */
  facts: Pick<VideoFacts, "width" | "height" | "frames" | "fps" | "durationS">;
  /** Draws over the picture, in an SVG whose viewBox is the source in pixels. */
  overlay: (clock: VideoClock) => ReactNode;
  /** What stands under the picture, such as a timeline. */
  children?: (clock: VideoClock) => ReactNode;
  /** The accessible name of the stage. */
  label?: string;
}

export function PictureStage({ picture, facts, overlay, children, label = "Video" }: PictureStageProps) {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const known = useFrameTimes(picture.kind === "video" ? picture.media : null, facts);
  const videoClock = useVideoClock(video, picture.kind === "video" ? picture.url : null, known);
  const stills = picture.kind === "stills" ? picture.stills : [];
  const stillsClock = useStillsClock(stills, known.times);
  const clock = picture.kind === "video" ? videoClock : stillsClock;
  const { width, height } = facts;
  return (
    <div className="picture-stage">
      <UnplayableNotice picture={picture} />
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset does not group a picture with its buttons. */}
      <div
        role="group"
        aria-label={label}
        aria-busy={picture.kind === "loading" || (picture.kind === "video" && !clock.ready)}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys of the player work here.
        tabIndex={0}
        className="stage"
        onKeyDown={(event) => moveByKeys(clock, event)}
      >
        <div
          className="stage-picture"
          style={{ aspectRatio: `${width} / ${height}`, width: `min(100%, ${(70 * width) / height}vh)` }}
        >
          {picture.kind === "video" && (
            // biome-ignore lint/a11y/useMediaCaption: there are no captions of a user's video.
            <video
              ref={setVideo}
              crossOrigin="anonymous"
              preload="auto"
              playsInline
              tabIndex={-1}
              onError={renewLinks}
            />
          )}
          {picture.kind === "stills" && (
            <img src={stills[stillsClock.still]?.source} alt={`The source at ${clock.timeS.toFixed(2)} s`} />
          )}
          {/* biome-ignore lint/a11y/noSvgWithoutTitle: a title would appear as a tooltip over the whole picture. */}
          <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none">
            {overlay(clock)}
          </svg>
        </div>
        <Transport clock={clock} />
      </div>
      {children?.(clock)}
    </div>
  );
}
