// Made by `make docs` from docs/jobs.schema.json; do not edit.
import type { ValidateFunction } from "ajv";

export interface CropBox {
  x: number;
  y: number;
  w: number;
  h: number;
}
export interface ExportJob {
  task: "export";
  input_url: string;
  output_url?: string | null;
  preview_url?: string | null;
  output_parts?: OutputParts | null;
  params?: ExportParams;
}
export interface ExportParams {
  crop?: CropBox | (Keyframe)[] | null;
  clamp?: boolean;
  follow?: Follow | null;
  tracks?: Record<string, unknown> | string | null;
  upscale?: boolean | null;
  upscale_model?: string | null;
  size?: Size | string | null;
  format?: "mp4" | "mov" | "webm" | "mkv" | "gif" | null;
  quality?: "high" | "medium" | "low" | "lossless";
  start?: number | null;
  end?: number | null;
  tonemap?: boolean;
  reuse_tolerance?: number;
}
export interface Follow {
  track: number | "main";
  aspect?: string | null;
  zoom?: number | null;
}
export interface Keyframe {
  x: number;
  y: number;
  w: number;
  h: number;
  t: number;
}
export interface OutputParts {
  part_bytes: number;
  urls: (string)[];
  complete_url: string;
  abort_url: string;
}
export interface Size {
  w: number;
  h: number;
}
export interface TrackJob {
  task: "track";
  input_url: string;
  output_url?: string | null;
  preview_url?: string | null;
  params?: TrackParams;
}
export interface TrackParams {
  model?: string;
  classes?: (string)[] | null;
  confidence?: number;
  tracker?: "bytetrack" | "botsort";
  stride?: number;
  fill_gaps_sec?: number;
  side?: number | null;
  batch?: number;
}
export interface UpscaleJob {
  task: "upscale";
  input_url: string;
  output_url?: string | null;
  preview_url?: string | null;
  output_parts?: OutputParts | null;
  params?: UpscaleParams;
}
export interface UpscaleParams {
  model?: string | null;
  scale?: number | null;
  quality?: "high" | "medium" | "low" | "lossless";
  tonemap?: boolean;
  reuse_tolerance?: number;
}
export const upscaleParams: ValidateFunction<UpscaleParams>;
export const trackParams: ValidateFunction<TrackParams>;
export const exportParams: ValidateFunction<ExportParams>;
