/** Says that the network is gone, at the bottom of the window, so that nothing else has to move. */

import { Icon } from "../ui/Icon.tsx";
import { useIsOnline } from "./online.ts";
import "./OfflineBanner.css";

export function OfflineBanner() {
  const isOnline = useIsOnline();
  return (
    <div className="offline" role="status">
      {!isOnline && (
        <p>
          <Icon name="alert" />
          <span>You are offline. Running jobs continue, and so does this page when the network is back.</span>
        </p>
      )}
    </div>
  );
}
