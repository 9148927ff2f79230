/** Says in plain words what an entry of the wallet is. */

import type { Entry } from "../api/client.ts";

/** The names of the tasks inside a sentence. */
const TASKS: Record<string, string> = { upscale: "upscaling", track: "tracking", export: "export" };

/** Returns what an entry is, such as `Charged for upscaling`. */
export function entryText(entry: Pick<Entry, "kind" | "note">): string {
  const task = jobOf(entry)?.task;
  switch (entry.kind) {
    case "topup":
      return "Top-up";
    case "hold":
      return `Held for ${task ?? "a job"}`;
    case "release":
      return `Released from ${task ?? "a job"}`;
    case "capture":
      return `Charged for ${task ?? "a job"}`;
    case "refund":
      return "Refunded";
  }
}

/** Returns what there is to say besides: how the job ended, or what the operator noted. */
export function entryDetail(entry: Pick<Entry, "kind" | "note">): string {
  if (entry.kind === "topup" || entry.kind === "refund") return entry.note;
  return jobOf(entry)?.outcome ?? "";
}

/** Reads the note of a job's entry, such as `track` or `track, failed: bad_media`; null if it is of another form. */
function jobOf({ kind, note }: Pick<Entry, "kind" | "note">): { task: string; outcome: string } | null {
  if (kind === "topup" || kind === "refund") return null;
  const [, name = "", outcome = ""] = /^(\w+)(?:, (completed|failed|cancelled))?/.exec(note) ?? [];
  const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  return task === undefined ? null : { task, outcome };
}
