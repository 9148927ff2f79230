/** A button; `kind` says how much it stands out. */

import type { AnchorHTMLAttributes, ButtonHTMLAttributes } from "react";
import "./Button.css";

/** `primary`: the one thing to do next. `quiet`: without an edge, for toolbars. `danger`: what cannot be undone. */
type ButtonKind = "primary" | "plain" | "quiet" | "danger";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
  /** Square, for an icon alone; it needs an `aria-label` then. */
  square?: boolean;
}

export function Button({ kind = "plain", square, type = "button", className, ...rest }: ButtonProps) {
  return <button type={type} className={classes(kind, square, className)} {...rest} />;
}

interface ButtonLinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  kind?: ButtonKind;
}

/** A link that looks like a button: it leads to another view, or to a file. */
export function ButtonLink({ kind = "plain", className, ...rest }: ButtonLinkProps) {
  return <a className={classes(kind, false, className)} {...rest} />;
}

function classes(kind: ButtonKind, square: boolean | undefined, more: string | undefined): string {
  return ["button", kind, square && "square", more].filter(Boolean).join(" ");
}
