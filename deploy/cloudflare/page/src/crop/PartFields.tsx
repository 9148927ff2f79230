/** Says which part of the video is exported, and sets its edges to the frame that is shown. */

import type { FrameTimes } from "../media/frame_times.ts";
import { Button } from "../ui/Button.tsx";
import { timecode } from "../video/timecode.ts";
import { type Part, withFirst, withLast } from "./trim.ts";

interface PartFieldsProps {
  times: FrameTimes;
  part: Part;
  frame: number;
  onPart: (part: Part) => void;
}

export function PartFields({ times, part, frame, onPart }: PartFieldsProps) {
  const frames = part.last - part.first + 1;
  const isWhole = frames === times.count;
  return (
    <div className="row part-fields">
      <Button disabled={frame > part.last} onClick={() => onPart(withFirst(part, frame))}>
        Start here
      </Button>
      <Button disabled={frame < part.first} onClick={() => onPart(withLast(part, frame, times.count))}>
        End here
      </Button>
      <Button kind="quiet" disabled={isWhole} onClick={() => onPart({ first: 0, last: times.count - 1 })}>
        Whole video
      </Button>
      <span className="numbers muted" aria-live="polite">
        {`${timecode(times.timeOf(part.first))} to ${timecode(times.endOf(part.last))}, ${frames} ${frames === 1 ? "frame" : "frames"}`}
      </span>
    </div>
  );
}
