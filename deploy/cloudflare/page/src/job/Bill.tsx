/** Shows what a job has cost, beside its quote. */

import type { Job } from "../api/client.ts";
import { exactly, roughly } from "../text/durations.ts";
import { gpuText } from "../text/gpu.ts";
import { chargeText } from "../text/job_states.ts";
import { exactDollars } from "../text/money.ts";
import { expectedText } from "../text/quote_text.ts";
import { Facts } from "./Facts.tsx";

export function Bill({ job }: { job: Job }) {
  const { quote, charge, execution_ms } = job;
  return (
    <>
      <p className="numbers">
        <strong>{chargeText(job)}</strong>
      </p>
      <Facts
        rows={[
          ["Charged", charge === null || charge === 0 ? null : exactDollars(charge)],
          ["Quote", expectedText(quote.expected, job.hold)],
          ["Run time", execution_ms === null ? null : exactly(execution_ms / 1000)],
          ["Expected run time", `about ${roughly(quote.expected_s)}`],
          ["Price per second", `${exactDollars(quote.price_per_s)} on ${gpuText(quote.gpu)}`],
        ]}
      />
    </>
  );
}
