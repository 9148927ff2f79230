/** The first view: drop a video here, or go on with one that was uploaded before. */

import { useState } from "react";
import { ApiFailure } from "../api/client.ts";
import { goTo, links } from "../state/route.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";
import { ViewHeading } from "../ui/ViewHeading.tsx";
import { LIMIT_TEXT, refusalOf } from "./check_file.ts";
import { FilePicker } from "./FilePicker.tsx";
import { startUpload } from "./start_upload.ts";
import { UploadList } from "./UploadList.tsx";
import "../ui/EmptyState.css";
import "./StartPage.css";

export function StartPage() {
  const { start, isStarting, problems } = useStart();
  return (
    <>
      <ViewHeading
        title="Start with a video"
        lead="Upscale it, track what moves in it, or export a part. You see the price before anything runs."
      />
      <FilePicker button="Choose a video" kind="primary" multiple disabled={isStarting} onFiles={start}>
        {(button) => (
          <div className="drop-zone">
            <span className="viewfinder">
              <Icon name={isStarting ? "clock" : "upload"} size={2} />
            </span>
            <p className="drop-zone-title">Drop a video here</p>
            {button}
            <p className="muted small">
              MP4, MOV, MKV, WebM, AVI, MXF and other formats, up to {LIMIT_TEXT}.
              <br />
              You can set up the job while the video uploads.
            </p>
          </div>
        )}
      </FilePicker>
      <div className="start-problems">
        {problems.map((problem) => (
          <Notice key={problem} kind="bad">
            {problem}
          </Notice>
        ))}
      </div>
      <UploadList />
    </>
  );
}

/** Starts uploads. One file leads to its own view at once; several are listed below. */
function useStart() {
  const [isStarting, setStarting] = useState(false);
  const [problems, setProblems] = useState<string[]>([]);
  const start = async (files: File[]) => {
    const refusals = files.map(refusalOf).filter((refusal) => refusal !== null);
    const accepted = files.filter((file) => refusalOf(file) === null);
    setProblems(refusals);
    setStarting(true);
    try {
      for (const file of accepted) {
        const id = await startUpload(file);
        if (files.length === 1) goTo(links.order(id));
      }
    } catch (failure) {
      if (!(failure instanceof ApiFailure)) throw failure;
      setProblems([...refusals, requestErrorText(failure)]);
    } finally {
      setStarting(false);
    }
  };
  return { start, isStarting, problems };
}
