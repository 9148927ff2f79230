/** Shows how close an output is to its source: in plain words, and over time. */

import type { Job } from "../api/client.ts";

export function fidelityOf(_job: Job): object | null {
  return null;
}

export function FidelityPicture(_props: { report: object; onSeek: (timeS: number) => void }) {
  return null;
}
