/** Shows a source, as a video or as stills, with an overlay in the pixels of the source, and the buttons that move it. */

import type { ReactNode } from "react";
import type { VideoFacts } from "../media/probe.ts";
import type { SourcePicture } from "../media/source_picture.ts";
import type { VideoClock } from "./clock.ts";

interface PictureStageProps {
  picture: SourcePicture;
  /** The size of the picture as displayed, and its frames. */
  facts: Pick<VideoFacts, "width" | "height" | "frames" | "fps" | "durationS">;
  /** Draws over the picture, in an SVG whose viewBox is the source in pixels. */
  overlay: (clock: VideoClock) => ReactNode;
  /** What stands under the picture, such as a timeline. */
  children?: (clock: VideoClock) => ReactNode;
}

export function PictureStage(_props: PictureStageProps) {
  return null;
}
