/** A window over the page, which keeps the focus until it is closed; Escape closes it. */

import { type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./Button.tsx";
import "./Dialog.css";

interface DialogProps {
  title: ReactNode;
  /** Closes the dialog: it stops being rendered then. */
  onClose: () => void;
  children: ReactNode;
  /** Buttons at the end of the dialog. */
  actions: ReactNode;
}

/** Render it only while it is open: `{asks && <Dialog …/>}`. The focus returns to where it was. */
export function Dialog({ title, onClose, children, actions }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    if (element !== null && !element.open) element.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      {typeof children === "string" ? <p>{children}</p> : children}
      <div className="row dialog-actions">{actions}</div>
    </dialog>
  );
}

interface ConfirmDialogProps {
  title: ReactNode;
  /** What happens, and what it costs. */
  children: ReactNode;
  /** The words on the button that does it, such as "Cancel the job". */
  confirm: ReactNode;
  /** The words on the button that does nothing. */
  keep?: ReactNode;
  /** Whether it is being done. */
  isPending?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be undone; the focus begins on the button that does nothing. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, children, confirm, keep = "Go back", isPending = false, onConfirm, onClose } = props;
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button autoFocus onClick={onClose}>
            {keep}
          </Button>
          <Button kind="danger" disabled={isPending} onClick={onConfirm}>
            {confirm}
          </Button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
