/** Compares a source and its output, which the browser plays both, frame by frame. */

import { type Ref, useImperativeHandle, useRef, useState } from "react";
import { renewLinks } from "../media/source_picture.ts";
import { Button } from "../ui/Button.tsx";
import type { FrameFacts } from "../video/clock.ts";
import { moveByKeys, Transport } from "../video/Transport.tsx";
import { type Arrangement, Comparison, type Seekable } from "./Comparison.tsx";
import { ComparisonBar } from "./ComparisonBar.tsx";
import { type Loadable, usePair } from "./use_pair.ts";
import type { Size, Zoom } from "./zoom.ts";
import "../video/PictureStage.css";

interface VideoComparisonProps {
  /** `isStandIn`: it is another job's output in place of the source. */
  before: Loadable & { isStandIn: boolean };
  after: Loadable;
  /** The size of the output, in pixels. */
  size: Size;
  facts: FrameFacts;
  /** When the output begins in the source, in seconds. */
  startS: number;
  ref?: Ref<Seekable>;
}

export function VideoComparison({ before, after, size, facts, startS, ref }: VideoComparisonProps) {
  const { clock, setBefore, setAfter, beforeVideo } = usePair(before, after, facts, startS);
  const [zoom, setZoom] = useState<Zoom>("fit");
  const [arrangement, setArrangement] = useState<Arrangement>("slider");
  const [muted, setMuted] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  useImperativeHandle(ref, () => ({
    seek: (timeS) => {
      clock.pause();
      clock.seek(timeS);
      frame.current?.scrollIntoView({ block: "nearest" });
    },
  }));
  const beforeWidth = beforeVideo?.videoWidth || null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset does not group pictures with their buttons.
    <div
      role="group"
      aria-label="Before and after"
      aria-busy={!clock.ready}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys of the player work here.
      tabIndex={0}
      className="stage"
      onKeyDown={(event) => moveByKeys(clock, event)}
    >
      <ComparisonBar zoom={zoom} onZoom={setZoom} arrangement={arrangement} onArrange={setArrangement} />
      <Comparison
        frame={frame}
        size={size}
        arrangement={arrangement}
        zoom={zoom}
        onZoom={setZoom}
        labels={[before.isStandIn ? "Before (an export)" : "Before", "After"]}
        before={(style) => (
          <video
            ref={setBefore}
            style={style}
            aria-label="Before"
            crossOrigin="anonymous"
            preload="auto"
            playsInline
            muted
            tabIndex={-1}
            onError={renewLinks}
          />
        )}
        after={(style) => (
          <video
            ref={setAfter}
            style={style}
            aria-label="After"
            crossOrigin="anonymous"
            preload="auto"
            playsInline
            muted={muted}
            tabIndex={-1}
            onError={renewLinks}
          />
        )}
      />
      <Transport clock={clock}>
        <Button kind="quiet" aria-pressed={muted} onClick={() => setMuted(!muted)}>
          Mute
        </Button>
      </Transport>
      <p className="muted small">{explanation(zoom, size, beforeWidth)}</p>
    </div>
  );
}

/** Says what one sees at a zoom, and that the browser enlarges the source. */
function explanation(zoom: Zoom, size: Size, beforeWidth: number | null): string {
  const times = beforeWidth === null ? 1 : size.width / beforeWidth;
  const enlarged =
    times > 1.01
      ? `Before is enlarged ${Number(times.toFixed(2))} times to the same size, smoothed by the browser.`
      : "";
  if (zoom === "fit") return `The whole picture, scaled to fit. ${enlarged}`;
  const pixels =
    zoom === 1
      ? "Each pixel of the output is one pixel of your screen."
      : `Each pixel of the output is a square of ${zoom} × ${zoom} pixels of your screen.`;
  return `${pixels} ${enlarged} Drag to move the picture.`;
}
