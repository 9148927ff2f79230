/** Says that a track job found nothing, and leads to its settings. */

import type { Job } from "../api/client.ts";
import { type TrackParams, useClientState } from "../state/client_state.ts";
import { links } from "../state/route.ts";
import { ButtonLink } from "../ui/Button.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { counted, unreportedTracks } from "./TrackSummary.tsx";

export function NothingFound({ job }: { job: Job }) {
  const changeOrder = useClientState((state) => state.changeOrder);
  const params = job.params as Partial<TrackParams>;
  const unreported = unreportedTracks(job);
  return (
    <EmptyState
      icon="person"
      title="Nothing was found"
      action={
        <ButtonLink
          kind="primary"
          href={links.order(job.upload_id)}
          onClick={() => changeOrder(job.upload_id, { task: "track", track: params })}
        >
          Change the settings
        </ButtonLink>
      }
    >
      <p>
        {unreported > 0
          ? `${counted(unreported, "track")} ${unreported === 1 ? "was" : "were"} of other classes, or less sure than the job asked for.`
          : "The detector saw nothing that it knows in any frame."}
      </p>
      <p>
        Try a lower confidence than {Number(params.confidence ?? 0.5)}
        {params.classes ? ", more classes," : ""} or another model.
      </p>
    </EmptyState>
  );
}
