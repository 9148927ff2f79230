/** Asks before something is done that cannot be undone. Escape, and the button that has the focus at first, keep everything. */

import { type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./Button.tsx";
import "./ui.css";

interface ConfirmDialogProps {
  title: string;
  /** The words of the button that does it, such as `Cancel the job`. */
  action: string;
  /** The words of the button that does not. */
  keep: string;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function ConfirmDialog({ title, action, keep, onConfirm, onClose, children }: ConfirmDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="confirm" aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
      <div className="buttons">
        <Button onClick={() => dialog.current?.close()}>{keep}</Button>
        <Button
          kind="danger"
          onClick={() => {
            onConfirm();
            dialog.current?.close();
          }}
        >
          {action}
        </Button>
      </div>
    </dialog>
  );
}
