/** Says in words what a quote offers, and whether a wallet has enough for it. */

import type { Terms } from "../api/client.ts";
import { roughly } from "./durations.ts";
import { dollars } from "./money.ts";

/** Returns what a job will cost and when it will be ready: `About 0.02 $, at most 0.05 $, ready in about 2 min.` */
export function quoteText(terms: Pick<Terms, "expected" | "hold" | "ready_in_s" | "film">): string {
  const { expected, hold, ready_in_s, film } = terms;
  const parts = film === null ? "" : ` ${partsOfQuote(film)}.`;
  return `About ${dollars(expected)}, at most ${dollars(hold, "up")}, ready in about ${roughly(ready_in_s)}.${parts}`;
}

/** Returns how a film is divided: `About 40 parts, by 3 workers at once`. */
export function partsOfQuote(film: NonNullable<Terms["film"]>): string {
  if (film.is_preview) return "The hardest part only";
  return `About ${film.segments} parts, by ${film.workers} ${film.workers === 1 ? "worker" : "workers at once"}`;
}

/** Returns why a wallet cannot pay a job; null if it can. */
export function shortageText(balance: number, hold: number): string | null {
  if (balance >= hold) return null;
  return (
    `The wallet has ${dollars(balance, "down")}; this job may cost up to ${dollars(hold, "up")}. ` +
    "Top up the wallet, or make the job smaller."
  );
}

/** Returns how a new price differs from the one before, in words; null if it does not. */
export function priceChangeText(
  before: Pick<Terms, "expected" | "hold">,
  now: Pick<Terms, "expected" | "hold">,
): string | null {
  if (before.expected === now.expected && before.hold === now.hold) return null;
  return (
    `The price has changed. It was about ${dollars(before.expected)}, at most ${dollars(before.hold, "up")}; ` +
    `now it is about ${dollars(now.expected)}, at most ${dollars(now.hold, "up")}.`
  );
}

/**
 * Returns in one sentence where the figures of a quote come from: `Figures from a measurement of 2026-11-24.` The
 * assumptions of the quote have the whole source.
 */
export function sourceText(terms: Pick<Terms, "figures_from" | "is_speed_known">): string {
  const { figures_from: figuresFrom, is_speed_known } = terms;
  const [date] = /\b\d{4}-\d\d-\d\d\b/.exec(figuresFrom) ?? [];
  if (date === undefined) return `Figures ${figuresFrom}.`;
  if (figuresFrom.startsWith("measured ")) return `Figures from a measurement of ${date}.`;
  return is_speed_known
    ? `Figures from a published measurement, taken over on ${date}.`
    : `Figures from an assumption of ${date}.`;
}

/** Returns what a job was to cost before it started: `about 0.01 $ expected, at most 0.18 $`. */
export function expectedText(expected: number, hold: number): string {
  return `about ${dollars(expected)} expected, at most ${dollars(hold, "up")}`;
}
