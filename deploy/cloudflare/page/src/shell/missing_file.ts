/** Tells that a file of the page could not be loaded. */

/** Whether a script or a style sheet of the page could not be loaded; browsers have no code for that, only words. */
export function isMissingFile(error: unknown): boolean {
  return (
    error instanceof Error &&
    /dynamically imported module|importing a module script|unable to preload css/i.test(error.message)
  );
}
