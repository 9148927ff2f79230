/** Shows how close an output is to its source: in plain words, over time, and in a table. */

import type { Job } from "../api/client.ts";
import { Card } from "../ui/Card.tsx";
import { Disclosure } from "../ui/Disclosure.tsx";
import { Icon, type IconName } from "../ui/Icon.tsx";
import { Chart } from "./Chart.tsx";
import { FidelityTable } from "./FidelityTable.tsx";
import {
  EXCELLENT,
  type FidelityReport,
  type Finding,
  findingsOf,
  GOOD,
  SOUND_EARLY_MS,
  SOUND_LATE_MS,
  VISIBLE_COLOUR,
  worstOf,
} from "./findings.ts";
import "./FidelityPicture.css";

/** Returns the report of a job's result; null if it has none. */
export function fidelityOf(job: Job): FidelityReport | null {
  const { fidelity } = (job.result ?? {}) as { fidelity?: FidelityReport | null };
  return fidelity ?? null;
}

interface FidelityPictureProps {
  report: FidelityReport;
  /** Shows the frame at a time of the output, in seconds from its first frame. */
  onSeek: (timeS: number) => void;
}

export function FidelityPicture({ report, onSeek }: FidelityPictureProps) {
  const { pictures } = report;
  const worst = worstOf(pictures);
  const points = (measure: (picture: (typeof pictures)[number]) => number) =>
    pictures.map((picture) => ({ frame: picture.frame, timeS: picture.time_sec, value: measure(picture) }));
  const [width, height] = pictures[0]?.size ?? [report.width, report.height];
  return (
    <Card
      title="How close it is to the source"
      aside={
        <span className="muted small">{`${pictures.length} ${pictures.length === 1 ? "frame" : "frames"} compared at ${width} × ${height}`}</span>
      }
    >
      <ul className="findings">
        {findingsOf(report).map((finding) => (
          <FindingTile key={finding.name} finding={finding} />
        ))}
      </ul>
      {pictures.length > 0 && (
        <>
          <p className="muted small">
            The worker compared these frames after it had read the output back. One of the two measures is
            enough: the picture is nearly identical if the average PSNR or the average SSIM reaches that line.
            Choose a point to see its frame above.
          </p>
          <div className="fidelity-charts">
            <Chart
              name="PSNR"
              unit=" dB"
              points={points((picture) => picture.psnr_luma_db)}
              worst={worst}
              marks={marksOf(EXCELLENT.psnrDb, GOOD.psnrDb)}
              most={100}
              digits={1}
              onPick={onSeek}
            />
            <Chart
              name="SSIM"
              unit=""
              points={points((picture) => picture.ssim)}
              worst={worst}
              marks={marksOf(EXCELLENT.ssim, GOOD.ssim)}
              most={1}
              digits={3}
              onPick={onSeek}
            />
          </div>
          <Disclosure summary="All figures">
            <FidelityTable pictures={pictures} worst={worst} onSeek={onSeek} />
          </Disclosure>
        </>
      )}
      <Disclosure summary="What this means">
        <p>
          {"The output is scaled down to the size of the source before it is compared, so detail that a model adds does " +
            "not count against it. A model that sharpens, smooths or removes noise changes the picture on purpose: then " +
            "“visibly different” is what you asked for, and not a fault."}
        </p>
        <p>
          {`“Nearly identical” is a PSNR of at least ${EXCELLENT.psnrDb} dB or an SSIM of at least ${EXCELLENT.ssim}, “good” at ` +
            `least ${GOOD.psnrDb} dB or ${GOOD.ssim}, on average. These limits are our own choice. ` +
            `Sound up to ${SOUND_EARLY_MS} ms early or ${SOUND_LATE_MS} ms late is not noticed (ITU-R BT.1359). A colour ` +
            `difference ΔE of ${VISIBLE_COLOUR} is just visible (Mahy et al., 1994).`}
        </p>
      </Disclosure>
    </Card>
  );
}

function marksOf(excellent: number, good: number) {
  return [
    { value: excellent, words: "nearly identical" },
    { value: good, words: "good" },
  ];
}

const ICONS: Record<Finding["kind"], IconName> = { good: "check", plain: "info", bad: "alert" };

function FindingTile({ finding: { name, words, details, kind } }: { finding: Finding }) {
  return (
    <li className={`finding ${kind}`}>
      <span className="muted small">{name}</span>
      <span className="finding-words">
        <Icon name={ICONS[kind]} /> {words}
      </span>
      <span className="small numbers">{details}</span>
    </li>
  );
}
