/** Says that the browser cannot play a source, and what is shown in its place. */

import type { SourcePicture } from "../media/source_picture.ts";
import { Notice } from "../ui/Notice.tsx";

export function UnplayableNotice({ picture }: { picture: SourcePicture }) {
  if (picture.kind === "loading" || picture.unplayable === null) return null;
  return (
    <Notice>
      <p>This browser cannot play {picture.unplayable.name}.</p>
    </Notice>
  );
}
