/** Tells the time to components that show how long something has taken. */

import { useEffect, useState } from "react";

/** Returns the time in milliseconds since 1970, and renders again every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
