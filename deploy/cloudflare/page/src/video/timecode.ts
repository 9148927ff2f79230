/** Writes moments of a video, such as 1:02.345. */

/** Returns a moment as minutes, seconds and milliseconds, with hours from one hour on. */
export function timecode(timeS: number): string {
  const ms = Math.max(0, Math.round(timeS * 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const rest = `${two(Math.floor(ms / 1000) % 60)}.${String(ms % 1000).padStart(3, "0")}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
