/** Shows a part of a result; if that fails, says so in its place, so that the rest of the view and the download stay. */

import { Component, type ReactNode } from "react";
import { isMissingFile } from "../shell/missing_file.ts";
import { Notice } from "../ui/Notice.tsx";

interface ResultPartProps {
  /** What the part is, such as `The figures`. */
  name: string;
  children: ReactNode;
}

/** A result comes from a worker: what is missing in it, or is of another kind, fails here. */
export class ResultPart extends Component<ResultPartProps, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    // The view says what to do about a file of the page that could not be loaded.
    if (isMissingFile(error)) throw error;
    return (
      <Notice kind="warn" title={`${this.props.name} cannot be shown.`}>
        The worker has reported it in a form that this page does not know. Nothing else is affected.
      </Notice>
    );
  }
}
