/** Chooses the colours of tracks: those of the worker's overlay, so that a track looks the same there. */

/** Degrees between successive hues: neighbours are far apart, and no hue comes twice. */
const GOLDEN_ANGLE = 180 * (3 - Math.sqrt(5));
/** The luma (BT.709, 0 to 1) of the darkest colour. */
const DARKEST = 0.45;

/** Returns a bright colour for a track: dark text is legible on it, and neighbours look different. */
export function colourOf(id: number): string {
  const hue = (((id * GOLDEN_ANGLE) % 360) + 360) % 360;
  const parts = rgbOf(hue, id % 2 === 0 ? 0.6 : 0.88);
  const luma = 0.2126 * (parts[0] ?? 0) + 0.7152 * (parts[1] ?? 0) + 0.0722 * (parts[2] ?? 0);
  const white = Math.max(0, (DARKEST - luma) / (1 - luma));
  const levels = parts.map((part) => Math.round(255 * (part + white * (1 - part))));
  return `rgb(${levels.join(" ")})`;
}

/** Returns red, green and blue, 0 to 1, of a hue in degrees and a saturation at full value. */
function rgbOf(hue: number, saturation: number): number[] {
  return [5, 3, 1].map((offset) => {
    const part = (offset + hue / 60) % 6;
    return 1 - saturation * Math.max(0, Math.min(part, 4 - part, 1));
  });
}
