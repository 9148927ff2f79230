/** Writes a date and time in words. */

const DAY_MS = 86_400_000;

/**
 * Returns a moment in words, in the time zone of the browser: `today 14:05`, `yesterday 9:30`, `12 Nov 18:00`, or with
 * its year if that is another one.
 *
 * @param ms the moment, in milliseconds since 1970.
 * @param nowMs what "today" means.
 */
export function whenText(ms: number, nowMs: number): string {
  const moment = new Date(ms);
  const clock = `${moment.getHours()}:${String(moment.getMinutes()).padStart(2, "0")}`;
  // Days last from 23 to 25 hours where clocks change, so the midnights are rounded to days.
  const days = Math.round((midnight(nowMs) - midnight(ms)) / DAY_MS);
  if (days === 0) return `today ${clock}`;
  if (days === 1) return `yesterday ${clock}`;
  const isThisYear = moment.getFullYear() === new Date(nowMs).getFullYear();
  const day = moment.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    ...(isThisYear ? {} : { year: "numeric" }),
  });
  return `${day} ${clock}`;
}

function midnight(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}
