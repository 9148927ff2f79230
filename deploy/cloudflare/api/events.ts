/** Writes events to the Worker's log, one line of JSON each, for metrics. */

/**
 * What a field of an event may hold: an id, a name from a fixed list, a number, a yes or no.
 *
 * Events hold no personal data, no URL and no secret; `event` cuts what looks like one out of a text.
 */
type Fields = Readonly<Record<string, string | number | boolean | null>>;

/** The events that the API writes. docs/cloud.md says what each one means. */
type EventName =
  | "request"
  | "auth_failed"
  | "rate_limited"
  | "key_made"
  | "key_revoked"
  | "session_opened"
  | "session_closed"
  | "top_up"
  | "refund"
  | "quote_made"
  | "job_created"
  | "job_refused"
  | "job_settled"
  | "webhook"
  | "sweep"
  | "error";

/** Writes one event to the log. */
export function event(name: EventName, fields: Fields): void {
  const safe = Object.entries(fields).map(([field, value]) => [
    field,
    typeof value === "string" ? redacted(value) : value,
  ]);
  console.log(JSON.stringify({ event: name, ...Object.fromEntries(safe) }));
}

/**
 * Returns a text without addresses, API keys, MACs, signatures and tokens, and at most 300 characters of it.
 *
 * Ids stay: the longest has 38 characters, and nothing secret has fewer than 40.
 */
export function redacted(text: string): string {
  return text
    .slice(0, 4000)
    .replaceAll(/[a-z][a-z0-9+.-]*:\/\/\S+/gi, "[address]")
    .replaceAll(/fw_live_\S+/g, "[key]")
    .replaceAll(/[\w+/=-]{40,}/g, "[secret]")
    .slice(0, 300);
}
