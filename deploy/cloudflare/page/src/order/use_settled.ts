/** Waits until something stops changing. */

import { useEffect, useState } from "react";

/**
 * Returns a value that follows another once that has not changed for a while.
 *
 * @param key tells whether two values are equal.
 * @param delayMs how long the value must not have changed.
 */
export function useSettled<T>(value: T, key: string, delayMs: number): { value: T; isSettled: boolean } {
  const [settled, setSettled] = useState({ value, key });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the value.
  useEffect(() => {
    const timer = setTimeout(() => setSettled({ value, key }), delayMs);
    return () => clearTimeout(timer);
  }, [key, delayMs]);
  return { value: settled.value, isSettled: settled.key === key };
}
