/** The models that a form offers, and the scale of each, as the worker's catalog has them. */

import models from "../../../api/generated/models.json" with { type: "json" };
import defaults from "../../../api/generated/worker_defaults.json" with { type: "json" };

/** The models that enlarge pictures. */
export const UPSCALERS: readonly string[] = Object.keys(defaults.model_scales);
/** The models that find objects. */
export const DETECTORS: readonly string[] = Object.keys(defaults.detector_sides);

/** The scale of a model that the catalog does not have: that of nearly all models. */
const USUAL_SCALE = 4;

const IN_CLOSED_PRODUCT = {
  yes: "a closed product may use it",
  no: "a closed product may not use it without another licence",
  unknown: "nobody says whether a closed product may use it",
};

/** Returns what a model is for and who may use it, as a sentence; null if the catalog does not have it. */
export function aboutModel(name: string): string | null {
  const model = models.find((one) => one.name === name);
  if (model === undefined) return null;
  const allowed = IN_CLOSED_PRODUCT[model.closed_product as keyof typeof IN_CLOSED_PRODUCT];
  return `Good for: ${model.good_for}. Licence ${model.licence}: ${allowed}.`;
}

/** Returns the address of a picture of what a model does; null if there is none. */
export function sampleOf(name: string): string | null {
  return models.find((one) => one.name === name)?.sample ?? null;
}

/** Returns the scale of an upscale: the one that was set, or that of its model. */
export function scaleOf(params: { model?: string | null; scale?: number | null }): number {
  const scales: Record<string, number> = defaults.model_scales;
  const model = params.model ?? defaults.upscale_model;
  return params.scale ?? (Object.hasOwn(scales, model) ? scales[model] : undefined) ?? USUAL_SCALE;
}
