/** Splits mediabunny's readers, one a container, so that the page loads only the one that a video needs. */

import type { Plugin } from "vite";

/** The readers that the page may need. Those of other containers are not in its script at all. */
const READERS = ["IsobmffDemuxer", "MatroskaDemuxer", "MpegTsDemuxer"];

/**
 * Returns a plugin that turns the static imports of these readers into dynamic ones.
 *
 * mediabunny's `Input` awaits what `_createDemuxer` returns, so a promise does as well. The build fails if another
 * version of mediabunny is written in another way.
 */
export function splitReaders(): Plugin {
  return {
    name: "split-readers",
    transform(code, id) {
      if (!/\/mediabunny\/.*\/input-format\.js$/.test(id)) return null;
      let split = code;
      for (const reader of READERS) {
        const imported = new RegExp(`^import \\{ ${reader} \\} from '(.+)';$`, "m");
        const path = imported.exec(split)?.[1];
        const made = `new ${reader}(input)`;
        if (path === undefined || !split.includes(made))
          this.error(`mediabunny has no ${reader} to split off`);
        split = split
          .replace(imported, "")
          .replaceAll(made, `import("${path}").then(({ ${reader} }) => ${made})`);
      }
      return split;
    },
  };
}
