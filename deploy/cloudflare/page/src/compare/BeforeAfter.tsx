/** Shows the source and the output of an upscale, or of a preview of one, in sync, with a slider between them, and how alike they are. */

import { type ReactNode, type Ref, useMemo, useRef } from "react";
import type { Job } from "../api/client.ts";
import type { components } from "../api/schema.d.ts";
import { FidelityPicture, fidelityOf } from "../fidelity/FidelityPicture.tsx";
import { partOfPreview } from "../film/parts.ts";
import { ResultPart } from "../job/ResultPart.tsx";
import { FrameTimes } from "../media/frame_times.ts";
import { type SourcePicture, useSourcePicture } from "../media/source_picture.ts";
import { Card } from "../ui/Card.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { PictureStage } from "../video/PictureStage.tsx";
import { UnplayableNotice } from "../video/UnplayableNotice.tsx";
import type { Seekable } from "./Comparison.tsx";
import { type Output, useOutput } from "./output.ts";
import { StillsComparison } from "./StillsComparison.tsx";
import { VideoComparison } from "./VideoComparison.tsx";

type Stats = components["schemas"]["UpscaleStats"];

export function BeforeAfter({ job }: { job: Job }) {
  const picture = useSourcePicture(job.upload_id);
  const output = useOutput(job);
  const comparison = useRef<Seekable>(null);
  const report = fidelityOf(job);
  return (
    <>
      <Card title="Before and after">
        <UnplayableNotice picture={picture} />
        {picture.kind === "loading" || output === null ? (
          <Skeleton height="28rem" label="Loading the videos" />
        ) : (
          <Pictures job={job} picture={picture} output={output} ref={comparison} />
        )}
      </Card>
      {report !== null && (
        <ResultPart name="How close the output is to the source">
          <FidelityPicture report={report} onSeek={(timeS) => comparison.current?.seek(timeS)} />
        </ResultPart>
      )}
    </>
  );
}

interface PicturesProps {
  job: Job;
  picture: Exclude<SourcePicture, { kind: "loading" }>;
  output: Output;
  ref: Ref<Seekable>;
}

function Pictures({ job, picture, output, ref }: PicturesProps): ReactNode {
  const { stats } = (job.result ?? {}) as { stats?: Stats };
  const part = partOfPreview(job);
  const { start_sec: startS = 0, end_sec: endS = 0 } = part ?? {};
  const facts = useMemo(() => framesOf(stats, endS - startS), [stats, startS, endS]);
  const { video, stills } = output;
  if (picture.kind === "video" && video !== null) {
    return (
      <VideoComparison
        before={picture}
        after={{ url: video.url, media: video.url }}
        size={video.size}
        facts={facts}
        startS={startS}
        ref={ref}
      />
    );
  }
  const notice = video === null && (
    <Notice title="This browser cannot play the output.">Download it to see it in a player.</Notice>
  );
  const pairs = stills.filter((still) => still.output !== null);
  if (pairs.length > 0) {
    const size = video?.size ?? { width: stats?.width ?? 16, height: stats?.height ?? 9 };
    const times = FrameTimes.constant(facts.frames, facts.fps);
    return (
      <>
        {notice}
        <StillsComparison stills={pairs} size={size} times={times} ref={ref} />
      </>
    );
  }
  if (video === null) return notice;
  return (
    <PictureStage
      picture={{ kind: "video", url: video.url, media: video.url, isStandIn: false, unplayable: null }}
      facts={{ ...video.size, ...facts }}
      overlay={() => null}
      label="Output"
    />
  );
}

/** Returns what a result says of its frames; a guess if it says nothing, until they have been counted. */
function framesOf(
  stats: Stats | undefined,
  partS: number,
): { frames: number; fps: number; durationS: number } {
  const { frames = Math.max(1, Math.round(25 * partS)), duration_sec: durationS = frames / 25 } = stats ?? {};
  return { frames, fps: durationS > 0 ? frames / durationS : 25, durationS };
}
