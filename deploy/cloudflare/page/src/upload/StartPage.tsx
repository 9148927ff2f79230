/** The first view: drop a video here, or go on with an upload or a job. */

export function StartPage() {
  return null;
}
