/** Builds the page into page/dist: static files, which the API's Worker serves. */

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { splitReaders } from "./split_readers.ts";

export default defineConfig({
  plugins: [react(), splitReaders()],
  build: {
    target: "es2023",
    // A file that became a data: URL would need an exception in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
