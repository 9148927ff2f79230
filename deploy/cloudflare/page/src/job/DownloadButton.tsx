/** Saves the output of a job: its file, its part if it is a preview, or its tracks as JSON where the answer has them. */

import { useState } from "react";
import type { Job } from "../api/client.ts";
import { useFreshJob } from "../api/queries.ts";
import { partOfPreview } from "../film/parts.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { Button } from "../ui/Button.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";

/** A link that expires sooner than this is replaced before it is used, in milliseconds. */
const MARGIN_MS = 60_000;

const WORDS = { upscale: "Download the video", track: "Download the tracks", export: "Download the video" };

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
        <Icon name="download" /> {partOfPreview(job) === null ? WORDS[job.task] : "Download the preview"}
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
  const file = job.links.output ?? partOfPreview(job)?.url;
  if (file !== undefined) {
    save(file, "");
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
