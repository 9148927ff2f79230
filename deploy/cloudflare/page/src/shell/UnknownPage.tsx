/** Says that the address names no view. */

import { links } from "../state/route.ts";
import { ButtonLink } from "../ui/Button.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { ViewHeading } from "../ui/ViewHeading.tsx";

export function UnknownPage() {
  return (
    <>
      <ViewHeading title="Page not found" />
      <EmptyState
        icon="film"
        title="This address does not exist"
        action={
          <ButtonLink kind="primary" href={links.start}>
            Go to the start
          </ButtonLink>
        }
      >
        A part of it may be missing. Your jobs are under “Jobs”.
      </EmptyState>
    </>
  );
}
