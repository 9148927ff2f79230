/** Loads parts of the page that are not there from the start. */

/**
 * Returns what a dynamic import returns. Without network it waits until that is back, and tries again.
 *
 * @param load the import, such as `() => import("./Heavy.tsx")`.
 * @throws TypeError the file is not there, such as after a new version was deployed.
 */
export async function loadWhenOnline<T>(load: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (navigator.onLine) throw error;
      await new Promise((resolve) => window.addEventListener("online", resolve, { once: true }));
    }
  }
}
