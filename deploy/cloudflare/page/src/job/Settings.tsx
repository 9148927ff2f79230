/** Shows what was set up for a job. */

import type { Job } from "../api/client.ts";
import { links } from "../state/route.ts";
import { settingsOf } from "../text/job_settings.ts";
import { Card } from "../ui/Card.tsx";
import { Facts } from "./Facts.tsx";

export function Settings({ job }: { job: Job }) {
  const settings = settingsOf(job);
  // The figures of a result name the model that was used.
  const saysModel = job.result !== null || settings.some(([name]) => name === "Model");
  return (
    <Card title="Settings">
      <Facts
        rows={[
          [
            "Video",
            <a key="video" href={links.order(job.upload_id)}>
              {job.input_name}
            </a>,
          ],
          ...settings,
          ["Model", saysModel ? null : job.quote.model],
        ]}
      />
    </Card>
  );
}
