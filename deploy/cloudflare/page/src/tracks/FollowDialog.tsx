/** Asks for the shape of a picture that follows a subject, before the order of that export is shown. */

import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import "./FollowDialog.css";

/** The shapes that are offered, and what they are for. */
const ASPECTS = [
  [9, 16, "Phones, stories"],
  [1, 1, "Square posts"],
  [4, 5, "Portrait posts"],
  [16, 9, "Television, web"],
] as const;

interface FollowDialogProps {
  /** Whom the picture follows, such as "person 3". */
  name: string;
  onChoose: (aspect: string) => void;
  onClose: () => void;
}

export function FollowDialog({ name, onChoose, onClose }: FollowDialogProps) {
  return (
    <Dialog
      title={
        <>
          Follow <bdi>{name}</bdi>
        </>
      }
      onClose={onClose}
      actions={<Button onClick={onClose}>Not now</Button>}
    >
      <p>The export shows a part of the picture that moves with its subject. Which shape should it have?</p>
      <div className="follow-shapes">
        {ASPECTS.map(([width, height, use]) => (
          <Button key={use} className="follow-shape" onClick={() => onChoose(`${width}:${height}`)}>
            <span className="follow-picture">
              <span style={pictureSize(width, height)} />
            </span>
            <span>{`${width}:${height}`}</span>
            <span className="muted small">{use}</span>
          </Button>
        ))}
      </div>
      <p className="muted small">
        You see the price before you start. A preview of the path is a small job of its own.
      </p>
    </Dialog>
  );
}

/** Returns the size of a drawing of a shape: its longer side fills the room. */
function pictureSize(width: number, height: number) {
  const longer = Math.max(width, height);
  return { width: `${(100 * width) / longer}%`, height: `${(100 * height) / longer}%` };
}
