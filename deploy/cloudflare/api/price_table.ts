/**
 * Reads the table of prices and speeds that `make docs` makes of orchestrator/cost/table.toml.
 *
 * It finds the same rows as orchestrator/cost/estimate.py, by the same rules.
 */

import table from "./generated/price_table.json" with { type: "json" };
import type { TaskName } from "./job_schemas.ts";

/** How fast a task ran. */
export interface Speed {
  task: string;
  /** The name of the model; empty for an export without one. */
  model: string;
  gpu: string;
  /** The size of the input frames, in pixels. */
  width: number;
  height: number;
  /** Frames per second. */
  fps: number;
  /** Where the number came from, as a clause of a sentence. */
  origin: string;
}

/** How much longer a job takes with one model or GPU than with another. */
export interface TimeRatio {
  name: string;
  like: string;
  times: number;
  origin: string;
}

/** What a second on a GPU costs. */
export interface Price {
  gpu: string;
  dollars_per_s: number;
  /** What users pay: the price times the margin, in whole micro-dollars, rounded up. */
  price_per_s: number;
  origin: string;
}

/** Frames of one size, for one model. */
export interface Frames {
  task: TaskName;
  /** The name of the model; empty for an export without one. */
  model: string;
  /** The number of input frames. */
  frames: number;
  /** The size of the input frames (of the crop, if there is one), in pixels. */
  width: number;
  height: number;
}

const CPU = "cpu";

/** Returns the speeds of a model, in the order of the table. */
export function speedsOf(model: string): Speed[] {
  return table.speeds.filter((speed) => speed.model === model);
}

/** The figures that a quote adds to an estimate. */
export const RULES = table.quotes;

/** Returns the name of a GPU as the table writes it, or the name itself if the table does not have it. */
export function gpuName(name: string): string {
  return [...table.prices, ...table.speeds].find((row) => sameGpu(row.gpu, name))?.gpu ?? name;
}

/** Returns the price of a GPU, if it is known. */
export function knownPrice(gpu: string): Price | undefined {
  return table.prices.find((row) => sameGpu(row.gpu, gpu));
}

/** Returns the highest price of the table. */
export function highestPrice(): Price {
  return table.prices.reduce((most, row) => (row.dollars_per_s > most.dollars_per_s ? row : most));
}

/**
 * Returns the known speed that needs the fewest relations to this model and GPU, and these relations; undefined
 * if there is none.
 */
export function knownSpeed(work: Frames, gpu: string): { speed: Speed; relations: TimeRatio[] } | undefined {
  const modelLike = relationOf(work.model);
  const gpuLike = relationOf(gpu);
  for (const [forModel, forGpu] of [
    [undefined, undefined],
    [modelLike, undefined],
    [undefined, gpuLike],
    [modelLike, gpuLike],
  ] as const) {
    const speed = nearest(work, forModel?.like ?? work.model, forGpu?.like ?? gpu);
    if (speed !== undefined) {
      return { speed, relations: [forModel, forGpu].filter((row) => row !== undefined) };
    }
  }
  return undefined;
}

/** Returns a speed on the safe side, for a job whose speed is unknown. */
export function fallbackSpeed(work: Frames, gpu: string): Omit<Speed, "model" | "gpu"> {
  const row = RULES.fallback_speeds.find(
    (row) => row.task === speedTask(work) && row.on_cpu === (gpu === CPU),
  );
  if (row === undefined) throw new Error(`the price table has no fallback speed for ${work.task}`);
  return row;
}

/** Returns how long frames take at a speed, in seconds. The order of operations is that of Python. */
export function secondsFor(
  work: Frames,
  speed: Pick<Speed, "width" | "height" | "fps">,
  relations: TimeRatio[],
): number {
  let seconds = work.frames / speed.fps;
  if (table.time_per_pixel[work.task]) {
    seconds *= (work.width * work.height) / (speed.width * speed.height);
  }
  return seconds * relations.reduce((product, row) => product * row.times, 1);
}

/** To a model, an export is an upscale of the crop. */
function speedTask(work: Frames): TaskName {
  return work.task === "export" && work.model !== "" ? "upscale" : work.task;
}

function relationOf(name: string): TimeRatio | undefined {
  return table.relations.find((row) => row.name === name);
}

/** Returns the speed with the picture size nearest to the work's; the first of two that are equally near. */
function nearest(work: Frames, model: string, gpu: string): Speed | undefined {
  const pixels = work.width * work.height;
  const distance = (row: Speed) => {
    const known = row.width * row.height;
    return Math.max(known, pixels) / Math.min(known, pixels);
  };
  return table.speeds
    .filter((row) => row.task === speedTask(work) && row.model === model && sameGpu(row.gpu, gpu))
    .reduce<Speed | undefined>(
      (best, row) => (best === undefined || distance(row) < distance(best) ? row : best),
      undefined,
    );
}

function sameGpu(one: string, other: string): boolean {
  return normalised(one) === normalised(other);
}

function normalised(name: string): string {
  return name.toLowerCase().replaceAll(/nvidia|geforce|tesla|[ _-]/g, "");
}
