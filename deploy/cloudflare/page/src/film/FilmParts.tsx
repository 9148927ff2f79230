/** Plays the finished parts of a film one after the other, while the others are still being made. */

import { useEffect, useRef, useState } from "react";
import type { Job } from "../api/client.ts";
import { Button } from "../ui/Button.tsx";
import { VisuallyHidden } from "../ui/VisuallyHidden.tsx";
import { timecode } from "../video/timecode.ts";
import { type Part, partAfter, partsText, withFirstLinks } from "./parts.ts";
import "./FilmParts.css";

export function FilmParts({ film }: { film: NonNullable<Job["film"]> }) {
  const parts = useParts(film.pieces);
  const [number, setNumber] = useState<number | null>(null);
  const [isWaiting, setIsWaiting] = useState(false);
  const video = useRef<HTMLVideoElement>(null);
  const part = parts.find((one) => one.number === number) ?? parts[0];
  const next = part === undefined ? undefined : partAfter(parts, part.number);
  useEffect(() => {
    if (!isWaiting || next === undefined) return;
    setNumber(next.number);
    setIsWaiting(false);
  }, [isWaiting, next]);
  useEffect(() => {
    // Until a part was chosen or the first one was played, nothing plays by itself.
    if (number !== null) void video.current?.play().catch(() => undefined);
  }, [number]);
  if (part === undefined) return null;
  return (
    <section className="film-parts" aria-label="Finished parts">
      <video
        key={part.url}
        ref={video}
        src={part.url}
        controls
        muted
        playsInline
        aria-label={`Part ${part.number + 1}`}
        onEnded={() => (next === undefined ? setIsWaiting(true) : setNumber(next.number))}
      />
      <p className="small muted numbers">
        Part {part.number + 1}, {timecode(part.start_sec)} to {timecode(part.end_sec)}, without sound
        {isWaiting ? "; the next part is not done yet" : ""}
      </p>
      <ol className="film-part-list" aria-label={partsText(film)}>
        {parts.map((one) => (
          <li key={one.number}>
            <Button
              kind="quiet"
              square
              aria-current={one.number === part.number}
              onClick={() => {
                setIsWaiting(false);
                setNumber(one.number);
              }}
            >
              <VisuallyHidden>Part </VisuallyHidden>
              {one.number + 1}
            </Button>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Returns the parts with links that stay the same while the page is open. */
function useParts(pieces: readonly Part[]): Part[] {
  const known = useRef<Part[]>([]);
  known.current = withFirstLinks(known.current, pieces);
  return known.current;
}
