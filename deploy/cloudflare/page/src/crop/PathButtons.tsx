/** Buttons that go from keyframe to keyframe, and add and delete them. */

import { Button } from "../ui/Button.tsx";
import { Icon } from "../ui/Icon.tsx";
import type { Keyframe } from "./crop_path.ts";

interface PathButtonsProps {
  keyframes: readonly Keyframe[];
  /** The keyframe of the frame that is shown; -1 if it has none. */
  current: number;
  /** The time that is shown, in seconds. */
  timeS: number;
  onShow: (index: number) => void;
  onAdd: () => void;
  onDelete: (index: number) => void;
}

export function PathButtons({ keyframes, current, timeS, onShow, onAdd, onDelete }: PathButtonsProps) {
  const { previous, next } = neighboursOf(keyframes, current, timeS);
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

/** Returns the keyframes before and after the one that is shown, or a time; -1 where there is none. */
function neighboursOf(
  keyframes: readonly Keyframe[],
  current: number,
  timeS: number,
): { previous: number; next: number } {
  if (current >= 0) return { previous: current - 1, next: current + 1 < keyframes.length ? current + 1 : -1 };
  return {
    previous: keyframes.findLastIndex(({ t }) => t < timeS),
    next: keyframes.findIndex(({ t }) => t > timeS),
  };
}
