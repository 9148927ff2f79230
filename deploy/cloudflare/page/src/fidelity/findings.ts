/** Says in plain words what a fidelity report measures. */

import type { components } from "../api/schema.d.ts";

export type FidelityReport = components["schemas"]["FidelityReport"];
export type ComparedPicture = components["schemas"]["ComparedPicture"];

/** From which average PSNR or SSIM on a picture is called nearly identical, and good. These limits are our own choice. */
export const EXCELLENT = { psnrDb: 45, ssim: 0.99 };
export const GOOD = { psnrDb: 33, ssim: 0.95 };

/** The colour difference that is just visible, dE*ab: Mahy, Van Eycken, Oosterlinck, 1994, as in the worker's report. */
export const VISIBLE_COLOUR = 2.3;

/** How early and how late sound may be before viewers notice it, in milliseconds: Recommendation ITU-R BT.1359-1. */
export const SOUND_EARLY_MS = 45;
export const SOUND_LATE_MS = 125;

/** What a tile says: a few words, the figures, and whether it is as it must be. */
export interface Finding {
  name: string;
  words: string;
  details: string;
  /** `plain` is what a model may have done on purpose: it is neither good nor bad. */
  kind: "good" | "plain" | "bad";
}

/** Returns the findings of a report, in the order in which they are shown. */
export function findingsOf(report: FidelityReport): Finding[] {
  return [likeness(report), frames(report), sound(report), colour(report)];
}

/** The better of the two measures decides: either one alone has pictures that it judges wrongly. */
function likeness({ psnr_luma_db: psnr, ssim }: FidelityReport): Finding {
  const reaches = (least: { psnrDb: number; ssim: number }) =>
    psnr.mean >= least.psnrDb || ssim.mean >= least.ssim;
  const details = `PSNR ${psnr.mean.toFixed(1)} dB and SSIM ${ssim.mean.toFixed(3)} on average`;
  if (reaches(EXCELLENT)) return { name: "Picture", words: "Nearly identical", details, kind: "good" };
  if (reaches(GOOD)) return { name: "Picture", words: "Good", details, kind: "good" };
  return { name: "Picture", words: "Visibly different", details, kind: "plain" };
}

function frames({
  frames_read: read,
  frames_written: written,
  frames_in_output: shown,
}: FidelityReport): Finding {
  const details = `${read} read, ${written} written, ${shown} in the output`;
  if (written === shown && read === written) {
    return { name: "Frames", words: "All there", details, kind: "good" };
  }
  // Frames that the source repeats or hides are left out on purpose; those that were written must be in the file.
  return written === shown
    ? { name: "Frames", words: `${read - written} left out`, details, kind: "plain" }
    : { name: "Frames", words: `${written - shown} missing`, details, kind: "bad" };
}

function sound({ av_offset_ms: offsetMs }: FidelityReport): Finding {
  if (offsetMs === null) {
    return { name: "Sound", words: "None", details: "There is no sound to compare", kind: "plain" };
  }
  const ms = Math.abs(offsetMs) < 10 ? Math.abs(offsetMs).toFixed(1) : Math.abs(offsetMs).toFixed(0);
  const isInSync = offsetMs >= -SOUND_EARLY_MS && offsetMs <= SOUND_LATE_MS;
  const details = `Within ${ms} ms of the source`;
  if (isInSync) return { name: "Sound", words: "In sync", details, kind: "good" };
  const words = offsetMs > 0 ? "Late" : "Early";
  return { name: "Sound", words, details: `${ms} ms ${words.toLowerCase()}`, kind: "bad" };
}

function colour({ colour_error: error, colour_distance: distance }: FidelityReport): Finding {
  const shift = Math.max(...error.map(Math.abs));
  const details = `Shifted by ${shift.toFixed(1)} of 255 levels at most, ΔE ${distance.mean.toFixed(1)}`;
  return distance.mean < VISIBLE_COLOUR
    ? { name: "Colour", words: "No visible shift", details, kind: "good" }
    : { name: "Colour", words: "Visibly shifted", details, kind: "plain" };
}

/** Returns the index of the frame with the lowest PSNR. */
export function worstOf(pictures: readonly Pick<ComparedPicture, "psnr_luma_db">[]): number {
  let worst = 0;
  pictures.forEach(({ psnr_luma_db: db }, index) => {
    if (db < (pictures[worst]?.psnr_luma_db ?? 0)) worst = index;
  });
  return worst;
}
