/** Lists the figures of all compared frames. */

import { Button } from "../ui/Button.tsx";
import type { ComparedPicture } from "./findings.ts";

interface FidelityTableProps {
  pictures: readonly ComparedPicture[];
  worst: number;
  onSeek: (timeS: number) => void;
}

export function FidelityTable({ pictures, worst, onSeek }: FidelityTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
    <section className="fidelity-table" aria-label="All figures" tabIndex={0}>
      <table className="numbers">
        <thead>
          <tr>
            <th scope="col">Frame</th>
            <th scope="col">Time</th>
            <th scope="col">PSNR, luma</th>
            <th scope="col">PSNR, RGB</th>
            <th scope="col">SSIM</th>
            <th scope="col">Colour, ΔE</th>
            <th scope="col">Displaced</th>
          </tr>
        </thead>
        <tbody>
          {pictures.map((picture, index) => (
            <tr key={picture.frame} className={index === worst ? "worst" : undefined}>
              <th scope="row">
                <Button kind="quiet" onClick={() => onSeek(picture.time_sec)}>
                  {picture.frame}
                  {index === worst && " (worst)"}
                </Button>
              </th>
              <td>{picture.time_sec.toFixed(3)} s</td>
              <td>{picture.psnr_luma_db.toFixed(2)} dB</td>
              <td>{picture.psnr_rgb_db.toFixed(2)} dB</td>
              <td>{picture.ssim.toFixed(4)}</td>
              <td>{picture.colour_distance.toFixed(2)}</td>
              <td>{picture.displacement_px === null ? "–" : `${picture.displacement_px.join(", ")} px`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
