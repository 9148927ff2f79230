/** Lists all jobs with their states and prices. */

export function JobsPage() {
  return null;
}
