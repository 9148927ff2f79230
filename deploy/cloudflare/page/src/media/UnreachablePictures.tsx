/** Says that the storage does not give out a video or its pictures, where nothing else can be shown of them. */

import { type Query, useQueryClient } from "@tanstack/react-query";
import { useCallback, useSyncExternalStore } from "react";
import { Button } from "../ui/Button.tsx";
import { Notice } from "../ui/Notice.tsx";
import { PICTURES } from "./picture_queries.ts";

/** Whether something that is shown now was asked for, and has not been had yet. */
function isMissing(query: Query): boolean {
  const { data, errorUpdateCount } = query.state;
  return data === undefined && errorUpdateCount > 0 && query.isActive();
}

export function UnreachablePictures() {
  const client = useQueryClient();
  const cache = client.getQueryCache();
  const subscribe = useCallback((onChange: () => void) => cache.subscribe(onChange), [cache]);
  const isUnreachable = useSyncExternalStore(subscribe, () =>
    cache.findAll({ queryKey: PICTURES }).some(isMissing),
  );
  if (!isUnreachable) return null;
  const tryAgain = () => client.refetchQueries({ queryKey: PICTURES, predicate: isMissing });
  return (
    <Notice
      kind="warn"
      title="The file storage does not answer."
      actions={<Button onClick={() => void tryAgain()}>Try again</Button>}
    >
      So the videos cannot be shown at the moment. The page tries again by itself.
    </Notice>
  );
}
