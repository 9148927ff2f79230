/** Saves the output of a job: its file, or its tracks as JSON where the answer itself has them. */

import { useState } from "react";
import type { Job } from "../api/client.ts";
import { useFreshJob } from "../api/queries.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";

/** A link that expires sooner than this is replaced before it is used, in milliseconds. */
const MARGIN_MS = 60_000;

export function DownloadButton({ job }: { job: Job }) {
  const freshJob = useFreshJob();
  const [problem, setProblem] = useState<string | null>(null);
  const press = async () => {
    setProblem(null);
    try {
      const isFresh = job.links.expires_at - Date.now() > MARGIN_MS;
      download(isFresh ? job : await freshJob(job.id));
    } catch (error) {
      setProblem(requestErrorText(error as Error));
    }
  };
  return (
    <>
      <Button kind="primary" onClick={() => void press()}>
        <Icon name="download" /> {job.task === "track" ? "Download the tracks" : "Download the video"}
      </Button>
      {problem !== null && (
        <Notice kind="bad" title="The file cannot be downloaded.">
          {problem}
        </Notice>
      )}
    </>
  );
}

function download(job: Job): void {
  if (job.links.output !== null) {
    save(job.links.output, "");
    return;
  }
  // Few tracks are in the answer and have no file of their own.
  const url = URL.createObjectURL(new Blob([JSON.stringify(job.result)], { type: "application/json" }));
  save(url, `${job.input_name.replace(/\.[^.]*$/, "")}-${job.task}.json`);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Saves what a URL leads to. The bucket sends it as an attachment, so the page stays, and its address too. */
function save(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.rel = "noreferrer";
  link.click();
}
