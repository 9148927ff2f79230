/** Takes files by dropping, by the browser's dialog, or by pasting. */

import { type DragEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "../ui/Button.tsx";
import { ACCEPTED } from "./check_file.ts";
import "./FilePicker.css";

interface FilePickerProps {
  /** The words on the button. */
  button: string;
  kind?: "primary" | "plain";
  multiple?: boolean;
  disabled?: boolean;
  onFiles: (files: File[]) => void;
  /** What stands around the button. */
  children: (button: ReactNode) => ReactNode;
}

/** Files may be dropped anywhere on the page while it is shown. */
export function FilePicker({
  button,
  kind = "plain",
  multiple = false,
  disabled = false,
  onFiles,
  children,
}: FilePickerProps) {
  const input = useRef<HTMLInputElement>(null);
  const isDragged = useFilesFromPage(disabled ? null : onFiles);
  return (
    <div className={`file-picker ${isDragged ? "dragged" : ""}`}>
      <input
        ref={input}
        type="file"
        hidden
        accept={ACCEPTED}
        multiple={multiple}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          // The same file can be chosen again after it was refused.
          event.target.value = "";
          if (files.length > 0) onFiles(files);
        }}
      />
      {children(
        <Button kind={kind} disabled={disabled} onClick={() => input.current?.click()}>
          {button}
        </Button>,
      )}
    </div>
  );
}

/** Calls `onFiles` with files that are dropped on the page or pasted; returns whether files are being dragged over it. */
function useFilesFromPage(onFiles: ((files: File[]) => void) | null): boolean {
  const [isDragged, setDragged] = useState(false);
  const handler = useRef(onFiles);
  handler.current = onFiles;
  useEffect(() => {
    const hasFiles = (event: DragEvent | globalThis.DragEvent) =>
      event.dataTransfer?.types.includes("Files") ?? false;
    const over = (event: globalThis.DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDragged(handler.current !== null);
    };
    const leave = (event: globalThis.DragEvent) => {
      if (event.relatedTarget === null) setDragged(false);
    };
    const drop = (event: globalThis.DragEvent) => {
      if (!hasFiles(event)) return;
      // Otherwise the browser would show the file in place of the page.
      event.preventDefault();
      setDragged(false);
      handler.current?.([...(event.dataTransfer?.files ?? [])]);
    };
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) handler.current?.(files);
    };
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    window.addEventListener("paste", paste);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
      window.removeEventListener("paste", paste);
    };
  }, []);
  return isDragged;
}
