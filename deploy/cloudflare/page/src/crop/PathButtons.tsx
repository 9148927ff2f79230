/** Buttons that go from keyframe to keyframe, and add and delete them. */

import { Button } from "../ui/Button.tsx";
import { Icon } from "../ui/Icon.tsx";
import { type Frames, type Keyframe, neighboursOf } from "./crop_path.ts";

interface PathButtonsProps {
  keyframes: readonly Keyframe[];
  /** The keyframe of the frame that is shown; -1 if it has none. */
  current: number;
  /** The frame that is shown. */
  frame: number;
  frames: Frames;
  onShow: (index: number) => void;
  onAdd: () => void;
  onDelete: (index: number) => void;
}

export function PathButtons(props: PathButtonsProps) {
  const { keyframes, current, frame, frames, onShow, onAdd, onDelete } = props;
  const { previous, next } = neighboursOf(keyframes, frame, frames);
  const place =
    current >= 0 ? `Keyframe ${current + 1} of ${keyframes.length}` : `${keyframes.length} keyframes`;
  return (
    <div className="row path-buttons">
      <Button square aria-label="Previous keyframe" disabled={previous < 0} onClick={() => onShow(previous)}>
        <Icon name="step-back" />
      </Button>
      <Button square aria-label="Next keyframe" disabled={next < 0} onClick={() => onShow(next)}>
        <Icon name="step-forward" />
      </Button>
      <Button disabled={current >= 0} onClick={onAdd}>
        <Icon name="plus" /> Add keyframe
      </Button>
      <Button disabled={current < 0 || keyframes.length <= 2} onClick={() => onDelete(current)}>
        <Icon name="trash" /> Delete keyframe
      </Button>
      <span className="numbers muted" aria-live="polite">
        {place}
      </span>
    </div>
  );
}
