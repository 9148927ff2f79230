/** Says which part of a crop captions cover, and names the choices that are offered for it. */

import type { ExportParams } from "../state/client_state.ts";

/** The shares of a crop's edges that captions cover. */
export type SafeShares = NonNullable<NonNullable<ExportParams["follow"]>["safe"]>;

export const CAPTION_CHOICES = ["none", "fifth", "custom"] as const;
export type CaptionChoice = (typeof CAPTION_CHOICES)[number];

/** The share of the height that usual captions cover. */
export const FIFTH = 0.2;
/** The share that a custom choice begins with. */
export const CUSTOM = 0.3;
/** The largest share of an edge, as in orchestrator/jobs/crop.py. */
export const MOST_SHARE = 0.4;

const EDGES = ["top", "bottom", "left", "right"] as const;

/** Returns the choice that shares stand for. */
export function captionChoiceOf(safe: SafeShares | null | undefined): CaptionChoice {
  const covered = EDGES.filter((edge) => (safe?.[edge] ?? 0) > 0);
  if (covered.length === 0) return "none";
  return covered.length === 1 && safe?.bottom === FIFTH ? "fifth" : "custom";
}

/** Returns shares in words, such as `bottom 20 %, right 10 %`; null if nothing is covered. */
export function safeText(safe: SafeShares | null | undefined): string | null {
  const texts = EDGES.flatMap((edge) => {
    const share = Number(safe?.[edge] ?? 0);
    return share > 0 ? [`${edge} ${Math.round(share * 100)} %`] : [];
  });
  return texts.length === 0 ? null : texts.join(", ");
}
