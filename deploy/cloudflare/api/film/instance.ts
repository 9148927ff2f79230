/** Starts the Workflows instances of films, wakes them, and replaces those that have ended too early. */

import type { Env } from "../settings.ts";
import type { FilmRow } from "./film_rows.ts";

/** The type of the event that an instance waits for. */
export const NUDGE = "nudge";

/** States of an instance that does nothing more. */
const OVER: readonly string[] = ["errored", "terminated", "complete", "unknown"];

/** The part of a film that names its instance. */
type Instance = Pick<FilmRow, "job_id" | "instances">;

/** Returns the id of the newest instance: that of the job, with a number from the second one on. */
function instanceId({ job_id, instances }: Instance): string {
  return instances === 1 ? job_id : `${job_id}-${instances}`;
}

/** Starts the newest instance of a film; one that cannot be started now is started by the sweep. */
export async function startInstance(env: Env, film: Instance): Promise<void> {
  try {
    await env.FILMS.create({ id: instanceId(film), params: { job: film.job_id } });
  } catch {
    // It exists already, or Workflows does not answer.
  }
}

/** Wakes the instance of a film, so that it looks at once at what has changed; it looks after a while in any case. */
export async function nudge(env: Env, film: Instance): Promise<void> {
  try {
    const instance = await env.FILMS.get(instanceId(film));
    await instance.sendEvent({ type: NUDGE, payload: {} });
  } catch {
    // The instance has ended, or Workflows does not answer: the sweep sees to it.
  }
}

/** Wakes the instance of a film, or starts another if it is over. Two instances of one film do no harm. */
export async function keepAlive(env: Env, film: FilmRow): Promise<void> {
  try {
    const instance = await env.FILMS.get(instanceId(film));
    if (!OVER.includes((await instance.status()).status)) {
      await instance.sendEvent({ type: NUDGE, payload: {} });
      return;
    }
  } catch {
    // There is no such instance.
  }
  const next = await env.DB.prepare(
    "UPDATE films SET instances = instances + 1 WHERE job_id = ? AND instances = ? RETURNING job_id, instances",
  )
    .bind(film.job_id, film.instances)
    .first<Instance>();
  if (next !== null) await startInstance(env, next);
}
