/** Shows the logo and the name of the product. */

import "./Brand.css";

export function Brand() {
  return (
    <span className="brand">
      <svg aria-hidden="true" viewBox="0 0 32 32" focusable="false">
        <path d="M4 11V4h7M21 4h7v7M28 21v7h-7M11 28H4v-7" />
        <path className="brand-play" d="M12.5 10.5v11l9-5.5z" />
      </svg>
      <span className="brand-name">Framewright</span>
    </span>
  );
}
