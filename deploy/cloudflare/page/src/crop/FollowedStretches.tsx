/** Lists whom a crop followed when, and why. */

import { useState } from "react";
import { Button } from "../ui/Button.tsx";
import { timecode } from "../video/timecode.ts";
import type { Stretch } from "./followed_stretches.ts";
import "./FollowedStretches.css";

/** How many stretches are listed at first, and how many more with each press of the button. */
const ROWS = 50;

interface FollowedStretchesProps {
  stretches: readonly Stretch[];
  /** Shows a moment of the source, in seconds from its start; is absent where there is nothing to show it in. */
  onSeek?: (timeS: number) => void;
}

export function FollowedStretches({ stretches, onSeek }: FollowedStretchesProps) {
  const [rows, setRows] = useState(ROWS);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard. */}
      <section className="followed-stretches" aria-label="Whom the crop followed" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Whom</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {stretches.slice(0, rows).map(({ startS, endS, whom, beside, reason }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the list of a finished job does not change.
              <tr key={index}>
                <th scope="row" className="numbers">
                  {onSeek === undefined ? (
                    timecode(startS)
                  ) : (
                    <Button kind="quiet" onClick={() => onSeek(startS)}>
                      {timecode(startS)}
                    </Button>
                  )}
                </th>
                <td className="numbers">{timecode(endS)}</td>
                <td className="from-outside">
                  {whom === null ? "no subject" : <bdi>{whom}</bdi>}
                  {beside.length > 0 && ` with ${beside.join(", ")}`}
                </td>
                <td className="from-outside">{reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {stretches.length > rows && (
        <Button onClick={() => setRows(rows + ROWS)}>{`Show more (${stretches.length - rows})`}</Button>
      )}
    </>
  );
}
