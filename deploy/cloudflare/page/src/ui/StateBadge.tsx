/** Names the state of a job, with a colour that supports the word. */

import type { JobState } from "../api/client.ts";
import { stateText } from "../text/job_states.ts";
import "./StateBadge.css";

const LOOKS: Record<JobState, "waits" | "runs" | "good" | "bad" | "over"> = {
  submitting: "waits",
  queued: "waits",
  running: "runs",
  cancelling: "waits",
  completed: "good",
  failed: "bad",
  cancelled: "over",
};

/** @param percent how far a running job is, 0 to 100; null if that is not known. */
export function StateBadge({ state, percent = null }: { state: JobState; percent?: number | null }) {
  return (
    <span className={`badge numbers ${LOOKS[state]}`}>
      {stateText(state)}
      {state === "running" && percent !== null && ` ${Math.floor(percent)} %`}
    </span>
  );
}
