/** One job in the list: what it does to which file, how far it is, what it costs, and since when. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Job } from "../api/client.ts";
import { refreshLists, useJob } from "../api/queries.ts";
import { links } from "../state/route.ts";
import { workText } from "../text/job_states.ts";
import { dollars } from "../text/money.ts";
import { Icon, type IconName } from "../ui/Icon.tsx";
import { StateBadge } from "../ui/StateBadge.tsx";
import { When } from "../ui/When.tsx";

const ICONS: Record<Job["task"], IconName> = { upscale: "enlarge", track: "person", export: "crop" };

export function JobRow({ job }: { job: Job }) {
  return job.ended_at === null ? <LiveJobRow job={job} /> : <JobRowView job={job} />;
}

/** The list has what was last seen of a job; this row asks for news until the job has ended. */
function LiveJobRow({ job }: { job: Job }) {
  const { data: latest = job } = useJob(job.id);
  const client = useQueryClient();
  const hasEnded = latest.ended_at !== null;
  useEffect(() => {
    if (hasEnded) void refreshLists(client);
  }, [hasEnded, client]);
  return <JobRowView job={latest} />;
}

function JobRowView({ job }: { job: Job }) {
  return (
    <li className="job-row">
      <span className="job-row-icon">
        <Icon name={ICONS[job.task]} />
      </span>
      <div className="job-row-what">
        <a className="from-outside" href={links.job(job.id)}>
          {job.input_name}
        </a>
        <span className="muted small">
          {workText(job)} · <When ms={job.created_at} />
        </span>
      </div>
      <div className="job-row-state">
        <StateBadge state={job.state} percent={job.progress?.percent ?? null} />
      </div>
      <div className="job-row-price numbers">
        <Price job={job} />
      </div>
    </li>
  );
}

function Price({ job }: { job: Job }) {
  const { expected } = job.quote;
  if (job.charge === null) {
    return (
      <>
        <span>about {dollars(expected)}</span>
        <span className="muted small">at most {dollars(job.hold, "up")}</span>
      </>
    );
  }
  return (
    <>
      <span>{job.charge === 0 ? "Not charged" : dollars(job.charge)}</span>
      <span className="muted small">about {dollars(expected)} expected,</span>
      <span className="muted small">at most {dollars(job.hold, "up")}</span>
    </>
  );
}
