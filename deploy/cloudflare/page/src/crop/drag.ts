/** Follows a pointer (mouse, pen or finger) that drags something, and finds the point of the picture under it. */

import { type PointerEvent, useRef } from "react";

type Pointer = PointerEvent<HTMLElement | SVGElement>;

interface DragHandlers {
  onPointerDown: (event: Pointer) => void;
  onPointerMove: (event: Pointer) => void;
  onPointerUp: (event: Pointer) => void;
  onPointerCancel: (event: Pointer) => void;
  onLostPointerCapture: (event: Pointer) => void;
}

/**
 * Returns the handlers of an element that can be dragged.
 *
 * @param grab is called when a drag begins; what it returns goes to `move`. It returns null to refuse.
 * @param move is called for each move of the pointer.
 * @param release is called when the drag has ended.
 */
export function useDrag<T>(
  grab: (event: Pointer) => T | null,
  move: (grabbed: T, event: Pointer) => void,
  release: () => void = () => {},
): DragHandlers {
  const held = useRef<{ pointer: number; grabbed: T } | null>(null);
  const end = (event: Pointer) => {
    if (held.current?.pointer !== event.pointerId) return;
    held.current = null;
    release();
  };
  return {
    onPointerDown: (event) => {
      if (event.button !== 0 || held.current !== null) return;
      const grabbed = grab(event);
      if (grabbed === null) return;
      event.stopPropagation();
      event.currentTarget.setPointerCapture(event.pointerId);
      held.current = { pointer: event.pointerId, grabbed };
    },
    onPointerMove: (event) => {
      if (held.current?.pointer === event.pointerId) move(held.current.grabbed, event);
    },
    onPointerUp: end,
    onPointerCancel: end,
    onLostPointerCapture: end,
  };
}

/**
 * Lets a finger drag an element rather than scroll the page, if it is given as the element's ref. Browsers ignore
 * `touch-action` on what is inside an SVG.
 */
export function keepsTouch(element: Element | null): (() => void) | undefined {
  if (element === null) return;
  const keep = (event: Event) => event.preventDefault();
  element.addEventListener("touchstart", keep, { passive: false });
  return () => element.removeEventListener("touchstart", keep);
}

/** Returns the point under a pointer in the coordinates of the SVG that its element is in: pixels of the picture. */
export function pointUnder(event: Pointer): { x: number; y: number } {
  const element = event.currentTarget;
  const svg = element instanceof SVGElement ? (element.ownerSVGElement ?? element) : null;
  const matrix = svg instanceof SVGGraphicsElement ? svg.getScreenCTM() : null;
  const point = new DOMPoint(event.clientX, event.clientY);
  return matrix === null ? point : point.matrixTransform(matrix.inverse());
}
