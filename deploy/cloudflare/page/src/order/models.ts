/** The models that a form offers, and the scale of each, as the worker's catalog has them. */

import defaults from "../../../api/generated/worker_defaults.json" with { type: "json" };

/** The models that enlarge pictures. */
export const UPSCALERS: readonly string[] = Object.keys(defaults.model_scales);
/** The models that find objects. */
export const DETECTORS: readonly string[] = Object.keys(defaults.detector_sides);

/** The scale of a model that the catalog does not have: that of nearly all models. */
const USUAL_SCALE = 4;

/** Returns the scale of an upscale: the one that was set, or that of its model. */
export function scaleOf(params: { model?: string | null; scale?: number | null }): number {
  const scales: Record<string, number> = defaults.model_scales;
  const model = params.model ?? defaults.upscale_model;
  return params.scale ?? (Object.hasOwn(scales, model) ? scales[model] : undefined) ?? USUAL_SCALE;
}
