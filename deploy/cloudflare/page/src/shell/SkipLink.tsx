/** The first control of the page, visible while it is focused: it leads keyboards past the header. */

import "./SkipLink.css";

/** A button rather than a link, because the fragment of the address names the view. */
export function SkipLink() {
  return (
    <button
      type="button"
      className="skip-link"
      onClick={() => document.querySelector<HTMLElement>("main h1")?.focus()}
    >
      Skip to the content
    </button>
  );
}
