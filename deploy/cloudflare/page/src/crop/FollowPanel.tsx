/** Settings of a crop that follows a person: whom, in which shape, how close, and what captions cover. */

import { useJobs } from "../api/queries.ts";
import type { VideoFacts } from "../media/probe.ts";
import { useClientState } from "../state/client_state.ts";
import { links } from "../state/route.ts";
import { Button, ButtonLink } from "../ui/Button.tsx";
import { Choice } from "../ui/Choice.tsx";
import { Field } from "../ui/Field.tsx";
import { ASPECTS } from "./aspect_presets.ts";
import { CaptionZone } from "./CaptionZone.tsx";
import type { ExportOrder } from "./export_order.ts";
import { nameOfTrack, useTracksOf } from "./followed_tracks.ts";
import { PathPreview } from "./PathPreview.tsx";

/** The closest that the crop can follow: the zoom of the slider's end. */
const MOST_ZOOM = 4;

interface FollowPanelProps {
  uploadId: string;
  facts: VideoFacts;
  order: ExportOrder;
  /** The job that finds the path of what is set up now; null before it is started. */
  previewJobId: string | null;
  onPreview: (jobId: string) => void;
}

export function FollowPanel(props: FollowPanelProps) {
  const { uploadId, facts, order, previewJobId, onPreview } = props;
  const { follow } = order.params;
  if (!follow) return <WhomToFollow uploadId={uploadId} order={order} />;
  const change = (changes: Partial<typeof follow>) =>
    order.follow({ ...follow, ...changes }, order.followJobId);
  const zoom = follow.zoom ?? 1;
  return (
    <>
      <div className="row">
        <p className="follow-whom from-outside">
          {follow.track === "main" ? (
            "The crop follows the main subject of each shot."
          ) : (
            <>
              The crop follows <FollowedName jobId={order.followJobId} track={follow.track} />.
            </>
          )}
        </p>
        {order.followJobId !== null && (
          <ButtonLink href={links.job(order.followJobId)}>Choose another track</ButtonLink>
        )}
        <Button onClick={() => order.follow(null, null)}>Stop following</Button>
      </div>
      <Choice
        label="Shape"
        options={[
          { value: "", label: "Same as the source" },
          ...ASPECTS.map((aspect) => ({ value: aspect as string, label: aspect })),
        ]}
        value={follow.aspect ?? ""}
        onChange={(aspect) => change({ aspect: aspect || null })}
      />
      <Field
        label={`Zoom ${follow.zoom == null ? "(automatic)" : `× ${zoom.toFixed(1)}`}`}
        hint={
          "1 is the largest crop of this shape. At 2 it has half the width, and can follow more freely." +
          (follow.track === "main"
            ? " Where nobody is in view for a while, it becomes as large as its shape allows, and so does the output."
            : "")
        }
      >
        {(control) => (
          <input
            {...control}
            type="range"
            min={1}
            max={MOST_ZOOM}
            step={0.1}
            value={zoom}
            onChange={(event) => change({ zoom: Number(event.target.value) })}
          />
        )}
      </Field>
      <CaptionZone safe={follow.safe} onChange={(safe) => change({ safe })} />
      <PathPreview
        uploadId={uploadId}
        facts={facts}
        order={order}
        jobId={previewJobId}
        onStarted={onPreview}
        onEdit={order.edit}
      />
    </>
  );
}

function FollowedName({ jobId, track }: { jobId: string | null; track: number }) {
  return jobId === null ? `track ${track}` : <NameInJob jobId={jobId} track={track} />;
}

function NameInJob({ jobId, track }: { jobId: string; track: number }) {
  return <bdi>{nameOfTrack(useTracksOf(jobId), track)}</bdi>;
}

type WhomToFollowProps = Pick<FollowPanelProps, "uploadId" | "order">;

/** Offers the tracks that jobs have found in this video, or to look for some. */
function WhomToFollow({ uploadId, order }: WhomToFollowProps) {
  const jobs = useJobs();
  const tracked = (jobs.data?.pages ?? [])
    .flatMap((page) => page.jobs)
    .filter((job) => job.task === "track" && job.upload_id === uploadId && job.state === "completed");
  const newest = tracked[0];
  if (newest === undefined) {
    return (
      <>
        <p>Track the video first, so that its people are found. Then choose the person to follow.</p>
        <Button onClick={() => useClientState.getState().changeOrder(uploadId, { task: "track" })}>
          Track this video
        </Button>
      </>
    );
  }
  return (
    <>
      <p>
        Choose whom the crop follows among the tracks of this video, or follow the main subject of each shot.
      </p>
      <div className="row">
        <ButtonLink kind="primary" href={links.job(newest.id)}>
          Choose a person
        </ButtonLink>
        <Button onClick={() => order.follow({ track: "main", aspect: "9:16", zoom: null }, newest.id)}>
          Follow the main subject
        </Button>
      </div>
    </>
  );
}
