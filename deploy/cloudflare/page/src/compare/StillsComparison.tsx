/** Compares a source that the browser cannot play with its output, by the pictures that the worker has made of both. */

import { type Ref, useImperativeHandle, useRef, useState } from "react";
import type { FrameTimes } from "../media/frame_times.ts";
import type { Still } from "../media/preview.ts";
import { useStillsClock } from "../video/clock.ts";
import { moveByKeys, Transport } from "../video/Transport.tsx";
import { type Arrangement, Comparison, type Seekable } from "./Comparison.tsx";
import { ComparisonBar } from "./ComparisonBar.tsx";
import type { Size } from "./zoom.ts";
import "../video/PictureStage.css";

interface StillsComparisonProps {
  stills: Still[];
  /** The size of the output, in pixels. */
  size: Size;
  times: FrameTimes;
  ref?: Ref<Seekable>;
}

export function StillsComparison({ stills, size, times, ref }: StillsComparisonProps) {
  const clock = useStillsClock(stills, times);
  const [arrangement, setArrangement] = useState<Arrangement>("slider");
  const frame = useRef<HTMLDivElement>(null);
  useImperativeHandle(ref, () => ({
    seek: (timeS) => {
      clock.seek(timeS);
      frame.current?.scrollIntoView({ block: "nearest" });
    },
  }));
  const still = stills[clock.still];
  const when = `at ${clock.timeS.toFixed(2)} s`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset does not group pictures with their buttons.
    <div
      role="group"
      aria-label="Before and after"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys of the player work here.
      tabIndex={0}
      className="stage"
      onKeyDown={(event) => moveByKeys(clock, event)}
    >
      <ComparisonBar zoom={null} onZoom={noZoom} arrangement={arrangement} onArrange={setArrangement} />
      <Comparison
        frame={frame}
        size={size}
        arrangement={arrangement}
        zoom="fit"
        onZoom={noZoom}
        labels={["Before", "After"]}
        before={(style) => <img style={style} src={still?.source} alt={`Before, ${when}`} />}
        after={(style) => <img style={style} src={still?.output ?? undefined} alt={`After, ${when}`} />}
      />
      <Transport clock={clock} />
      <p className="muted small">
        {`${stills.length} moments of the video, as pictures that the worker has made of the source and of the output. They ` +
          "are reduced to 1280 pixels at most; download the output to see all of its pixels."}
      </p>
    </div>
  );
}

/** Pictures that have been reduced do not have the output's pixels. */
function noZoom(): void {}
