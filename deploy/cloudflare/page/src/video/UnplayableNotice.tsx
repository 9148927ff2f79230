/** Says that the browser cannot play a source, and what is shown in its place; asks the worker for pictures if there are none. */

import { useUpload } from "../api/queries.ts";
import type { SourcePicture } from "../media/source_picture.ts";
import { useVideoFacts } from "../media/video_facts.ts";
import { codecName, isUsualCodec } from "../text/video_facts.ts";
import { Notice } from "../ui/Notice.tsx";
import { AskForPictures } from "./AskForPictures.tsx";

export function UnplayableNotice({ picture }: { picture: SourcePicture }) {
  if (picture.kind === "loading" || picture.unplayable === null) return null;
  const { uploadId, name } = picture.unplayable;
  return <NoticeOf uploadId={uploadId} name={name} shows={picture.kind} />;
}

/** What is shown in place of a source. */
const SHOWS = {
  video:
    "Another job’s export of it is shown in its place: the same frames, encoded again and perhaps smaller.",
  stills: "Pictures that the worker has made of it are shown in its place.",
  none: "The worker reads it all the same, so jobs work as usual. Only what is shown here is missing.",
};

function NoticeOf({ uploadId, name, shows }: { uploadId: string; name: string; shows: keyof typeof SHOWS }) {
  const upload = useUpload(uploadId);
  const { facts, isReading } = useVideoFacts(upload.data);
  const codec = facts?.codec ?? null;
  return (
    <Notice
      title={`This browser cannot play ${codec === null || isUsualCodec(codec) ? "this source" : codecName(codec)}.`}
      actions={shows === "none" && <AskForPictures uploadId={uploadId} facts={facts} isReading={isReading} />}
    >
      <p>
        {formatText(codec)} <span className="from-outside">{name}</span>. {SHOWS[shows]}
      </p>
    </Notice>
  );
}

/** Returns the words before the name of a file that say why it cannot be played. */
function formatText(codec: string | null): string {
  if (codec === null) return "It has no decoder for";
  // The container is one that browsers do not read, or the profile is one that they do not decode.
  return isUsualCodec(codec)
    ? `It plays ${codecName(codec)}, but not in the form of`
    : "That is the format of";
}
