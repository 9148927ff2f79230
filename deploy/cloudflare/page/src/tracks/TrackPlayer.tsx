/** Plays the video with the tracks over it, and their timeline under it. */

import { useCallback, useMemo, useRef, useState } from "react";
import type { Job } from "../api/client.ts";
import { useSourcePicture } from "../media/source_picture.ts";
import { useClientState } from "../state/client_state.ts";
import { goTo, links } from "../state/route.ts";
import { Button } from "../ui/Button.tsx";
import { Icon } from "../ui/Icon.tsx";
import type { VideoClock } from "../video/clock.ts";
import { PictureStage } from "../video/PictureStage.tsx";
import { FollowDialog } from "./FollowDialog.tsx";
import { classCounts, nameOf, rowOrder, type SortBy, trackAt } from "./row_order.ts";
import { TrackFilters } from "./TrackFilters.tsx";
import { TrackLegend } from "./TrackLegend.tsx";
import { TrackOverlay } from "./TrackOverlay.tsx";
import { TrackTimeline } from "./TrackTimeline.tsx";
import { spanOf, type TrackDocument } from "./track_document.ts";

/** The index of the track that an export follows, or the main subject of each shot. */
type Subject = number | "main";

export function TrackPlayer({ job, document }: { job: Job; document: TrackDocument }) {
  const picture = useSourcePicture(job.upload_id);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [sortBy, setSortBy] = useState<SortBy>("appearance");
  const [highlighted, setHighlighted] = useState<number | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const [asked, setAsked] = useState<Subject | null>(null);
  const changeOrder = useClientState((state) => state.changeOrder);
  const classes = useMemo(() => classCounts(document), [document]);
  const order = useMemo(() => rowOrder(document, hidden, sortBy), [document, hidden, sortBy]);

  // Rows keep their functions from frame to frame, so that they need not be drawn again.
  const clock = useRef<VideoClock>(null);
  const seek = useCallback((position: number) => {
    const { times } = clock.current ?? {};
    if (times !== undefined) clock.current?.seek(Math.min(Math.max(position, 0), 1) * times.endS);
  }, []);
  const showFirst = useCallback(
    (track: number) => {
      const { first } = spanOf(document, trackAt(document, track));
      clock.current?.seek(clock.current.times.timeOf(first));
    },
    [document],
  );
  const pick = useCallback((track: number) => {
    clock.current?.pause();
    setChosen(track);
    setAsked(track);
  }, []);

  const follow = (subject: Subject, aspect: string) => {
    const track = subject === "main" ? "main" : trackAt(document, subject).id;
    changeOrder(job.upload_id, {
      task: "export",
      export: { follow: { track, aspect, zoom: null } },
      followJobId: job.id,
      isChoosingSubject: false,
    });
    goTo(links.order(job.upload_id));
  };

  return (
    <>
      <PictureStage
        picture={picture}
        facts={document}
        overlay={({ frame, times }) => (
          <TrackOverlay
            document={document}
            frame={frame}
            times={times}
            hidden={hidden}
            highlighted={highlighted}
            onHighlight={setHighlighted}
            onPick={pick}
          />
        )}
      >
        {(now) => {
          clock.current = now;
          return (
            <div className="track-panel">
              <div className="row track-panel-head">
                <p className="muted small">
                  Click a person in the picture to follow them in an export, or press F on their row.
                </p>
                <Button onClick={() => setAsked("main")}>
                  <Icon name="crop" /> Follow the main subject
                </Button>
              </div>
              <TrackFilters
                classes={classes}
                hidden={hidden}
                onHide={setHidden}
                sortBy={sortBy}
                onSort={setSortBy}
              />
              <TrackTimeline
                document={document}
                order={order}
                axis={now.times}
                frame={now.frame}
                highlighted={highlighted}
                chosen={chosen}
                onHighlight={setHighlighted}
                onSeek={seek}
                onShowFirst={showFirst}
                onFollow={setAsked}
              />
              <TrackLegend hasCuts={document.cuts.length > 0} />
            </div>
          );
        }}
      </PictureStage>
      {asked !== null && (
        <FollowDialog
          name={asked === "main" ? "the main subject" : nameOf(trackAt(document, asked))}
          onChoose={(aspect) => follow(asked, aspect)}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}
