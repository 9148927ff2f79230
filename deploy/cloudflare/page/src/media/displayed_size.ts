/** Computes the size at which a picture is displayed. */

interface CodedPicture {
  codedWidth: number;
  codedHeight: number;
  /** The width of a pixel divided by its height. */
  pixelAspect: number;
  /** How far the picture is turned clockwise to be upright, in degrees. */
  rotation: 0 | 90 | 180 | 270;
}

/**
 * Returns the width and the height of a picture as displayed, in square pixels. Like the worker, it makes pixels that
 * are not square wider or narrower, and leaves the height as it is.
 */
export function displayedSize({
  codedWidth,
  codedHeight,
  pixelAspect,
  rotation,
}: CodedPicture): [width: number, height: number] {
  if (rotation === 90 || rotation === 270) return [Math.round(codedHeight / pixelAspect), codedWidth];
  return [Math.round(codedWidth * pixelAspect), codedHeight];
}
