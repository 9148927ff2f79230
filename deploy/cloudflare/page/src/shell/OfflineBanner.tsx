/** Says that the network is gone, at the bottom of the window, where nothing has to move for it. */

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
          <span>The network is gone. Running jobs go on; this page continues when it is back.</span>
        </p>
      )}
    </div>
  );
}
