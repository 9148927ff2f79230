/** Tells where an element is on the screen, and how fine the screen is; renders again when that changes. */

import { useCallback, useState, useSyncExternalStore } from "react";
import type { Point, Size } from "./zoom.ts";

interface Layout {
  size: Size;
  /** Its top left corner on the page, in CSS pixels. */
  corner: Point;
}

const NOWHERE: Layout = { size: { width: 1, height: 1 }, corner: { x: 0, y: 0 } };

/** Returns a ref, and the layout of the element that gets it. */
export function useLayout(): Layout & { ref: (element: HTMLElement | null) => (() => void) | undefined } {
  const [layout, setLayout] = useState(NOWHERE);
  const ref = useCallback((element: HTMLElement | null) => {
    if (element === null) return;
    const measure = () => {
      const { left, top, width, height } = element.getBoundingClientRect();
      if (width > 0)
        setLayout({ size: { width, height }, corner: { x: left + window.scrollX, y: top + window.scrollY } });
    };
    measure();
    // What lies above an element moves it without a change of its size, so the body is observed, too.
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  return { ...layout, ref };
}

/** Returns how many device pixels a CSS pixel has; zooming the page changes it. */
export function useDevicePixelRatio(): number {
  return useSyncExternalStore(subscribe, () => window.devicePixelRatio);
}

function subscribe(onChange: () => void): () => void {
  let query: MediaQueryList | null = null;
  const listen = () => {
    query?.removeEventListener("change", changed);
    query = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    query.addEventListener("change", changed);
  };
  const changed = () => {
    listen();
    onChange();
  };
  listen();
  return () => query?.removeEventListener("change", changed);
}
