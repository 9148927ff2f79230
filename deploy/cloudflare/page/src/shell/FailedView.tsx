/** Takes the place of a view that has failed, and says what to do. */

import { Component, type ReactNode } from "react";
import { links } from "../state/route.ts";
import { Button, ButtonLink } from "../ui/Button.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { Icon } from "../ui/Icon.tsx";
import { ViewHeading } from "../ui/ViewHeading.tsx";
import { isMissingFile } from "./missing_file.ts";

interface FailedViewState {
  error: unknown;
}

/** Shows its children until one of them throws. Give it another `key` to try again. */
export class FailedView extends Component<{ children: ReactNode }, FailedViewState> {
  override state: FailedViewState = { error: null };

  static getDerivedStateFromError(error: unknown): FailedViewState {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children;
    return isMissingFile(this.state.error) ? <MissingFile /> : <Failure />;
  }
}

function MissingFile() {
  return (
    <>
      <ViewHeading title="A part of this page is missing" />
      <EmptyState icon="reload" title="Reload the page" action={<Reload />}>
        {navigator.onLine
          ? "Framewright has probably been updated since you opened it. Your jobs and uploads are kept."
          : "The network went away while this view was loading. Your jobs and uploads are kept."}
      </EmptyState>
    </>
  );
}

function Failure() {
  return (
    <>
      <ViewHeading title="This view cannot be shown" />
      <EmptyState
        icon="alert"
        title="Something went wrong on our side"
        action={
          <div className="row">
            <Reload />
            <ButtonLink href={links.start}>Go to the start</ButtonLink>
          </div>
        }
      >
        Your jobs and your money are not affected. Reload the page; if it fails again, tell the operator of
        this service.
      </EmptyState>
    </>
  );
}

function Reload() {
  return (
    <Button kind="primary" onClick={() => window.location.reload()}>
      <Icon name="reload" /> Reload
    </Button>
  );
}
