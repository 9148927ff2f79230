/**
 * Drives a film with Cloudflare Workflows: one instance for each film.
 *
 * The instance advances the film, and then waits for an event that a webhook sends, or for a while. Workflows
 * repeats a round that failed, and goes on after any crash; `advance` makes both harmless.
 */

import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import type { Env } from "../settings.ts";
import { advance, waitMs } from "./advance.ts";
import { NUDGE } from "./instance.ts";

/** How Workflows repeats a round that throws, because D1 or R2 does not answer. After that the sweep starts an instance anew. */
const RETRIES = {
  retries: { limit: 30, delay: "10 seconds", backoff: "constant" },
  timeout: "10 minutes",
} as const;
/** The most rounds of an instance: each is two steps, and an instance has 10,000. The sweep then starts another. */
const MOST_ROUNDS = 4_000;

export class FilmWorkflow extends WorkflowEntrypoint<Env, { job: string }> {
  override async run(event: Readonly<WorkflowEvent<{ job: string }>>, step: WorkflowStep): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const isEnded = await step.do(`round ${round}`, RETRIES, () => advance(this.env, event.payload.job));
      if (isEnded) return;
      try {
        await step.waitForEvent(`wait ${round}`, { type: NUDGE, timeout: waitMs(this.env) });
      } catch {
        // No webhook came; the next round asks RunPod.
      }
    }
  }
}
