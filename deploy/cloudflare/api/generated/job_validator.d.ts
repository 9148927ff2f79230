// Made by `make docs` from docs/jobs.schema.json; do not edit.
import type { ValidateFunction } from "ajv";

export interface CropBox {
  x: number;
  y: number;
  w: number;
  h: number;
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
  class_name?: string | null;
  aspect?: string | null;
  zoom?: number | null;
  safe?: SafeShares | null;
}
export interface Keyframe {
  x: number;
  y: number;
  w: number;
  h: number;
  t: number;
}
export interface SafeShares {
  top?: number;
  bottom?: number;
  left?: number;
  right?: number;
}
export interface Size {
  w: number;
  h: number;
}
export interface TrackParams {
  model?: string | null;
  classes?: (string)[] | null;
  confidence?: number;
  tracker?: "bytetrack" | "botsort";
  stride?: number;
  fill_gaps_sec?: number;
  side?: number | null;
  batch?: number;
}
export interface UpscaleParams {
  model?: string | null;
  scale?: number | null;
  quality?: "high" | "medium" | "low" | "lossless";
  tonemap?: boolean;
  reuse_tolerance?: number;
  stabilize?: boolean;
}
export const upscaleParams: ValidateFunction<UpscaleParams>;
export const trackParams: ValidateFunction<TrackParams>;
export const exportParams: ValidateFunction<ExportParams>;
