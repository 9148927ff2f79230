/** Names the state of a job, with a colour that supports the word. */

import type { JobState } from "../api/client.ts";
import "./StateBadge.css";

const LOOKS: Record<JobState, { word: string; look: "waits" | "runs" | "good" | "bad" | "over" }> = {
  submitting: { word: "Starting", look: "waits" },
  queued: { word: "Waiting", look: "waits" },
  running: { word: "Running", look: "runs" },
  cancelling: { word: "Cancelling", look: "waits" },
  completed: { word: "Done", look: "good" },
  failed: { word: "Failed", look: "bad" },
  cancelled: { word: "Cancelled", look: "over" },
};

/** @param percent how far a running job is, 0 to 100; null if that is not known. */
export function StateBadge({ state, percent = null }: { state: JobState; percent?: number | null }) {
  const { word, look } = LOOKS[state];
  return (
    <span className={`badge numbers ${look}`}>
      {word}
      {state === "running" && percent !== null && ` ${Math.floor(percent)} %`}
    </span>
  );
}
