/** Shows a job: its progress, then its result or its error. */

export function JobPage(_props: { jobId: string }) {
  return null;
}
