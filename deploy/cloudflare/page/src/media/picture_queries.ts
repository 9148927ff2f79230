/** Holds what all queries have in common that find out how a video can be shown. */

/** The key with which theirs begin. */
export const PICTURES = ["pictures"];
/** Links work for an hour; after this time, in milliseconds, new ones are made if the old ones fail. */
export const LINK_MS = 45 * 60_000;
/** How soon something is asked for again that could not be had, in milliseconds. */
export const TRY_AGAIN_MS = 10_000;
