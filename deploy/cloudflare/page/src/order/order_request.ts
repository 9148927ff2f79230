/** Turns what has been set up for an upload into what POST /quote takes. */

import type { TaskName } from "../api/client.ts";
import type { QuoteOrder } from "../api/queries.ts";
import type { components } from "../api/schema.d.ts";
import type { VideoFacts } from "../media/probe.ts";
import type { Order } from "../state/client_state.ts";
import { scaleOf } from "./models.ts";

type Source = components["schemas"]["Source"];

/** Returns the job that an order describes, without what has been left empty. */
export function quoteOrder(uploadId: string, order: Order, facts: VideoFacts | null): QuoteOrder {
  const source = facts === null ? undefined : sourceOf(facts);
  const { followJobId, task } = order;
  return {
    upload_id: uploadId,
    task,
    params: paramsOf(order, task),
    ...(source === undefined ? {} : { source }),
    preview: false,
    followJobId: task === "export" && order.export.follow != null ? followJobId : null,
  };
}

function paramsOf(order: Order, task: TaskName): Record<string, unknown> {
  // The scale that the form shows is sent, whatever model the worker uses where none is named.
  const params = task === "upscale" ? { ...order.upscale, scale: scaleOf(order.upscale) } : order[task];
  const isSet = ([, value]: [string, unknown]) =>
    value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(params).filter(isSet));
}

/** Returns what the API is told of a video; undefined if too little is known for it. */
export function sourceOf(facts: VideoFacts): Source | undefined {
  const { frames, fps, durationS } = facts;
  const source = {
    width: Math.round(facts.width),
    height: Math.round(facts.height),
    ...(frames !== null && frames >= 1 ? { frames: Math.round(frames) } : {}),
    ...(durationS >= 0.001 ? { duration_sec: durationS } : {}),
    ...(fps !== null && fps >= 0.001 ? { fps } : {}),
  };
  const hasLength = "frames" in source || ("duration_sec" in source && "fps" in source);
  return hasLength && source.width >= 1 && source.height >= 1 ? source : undefined;
}
