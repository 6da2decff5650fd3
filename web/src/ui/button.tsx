// Buttons, and links that look like one.

import { Link } from "@tanstack/react-router";
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Icon, type IconName } from "./icon.tsx";

type Look = "primary" | "plain" | "quiet" | "danger";

const LOOKS: Record<Look, string> = {
  primary: "bg-accent text-on-accent border-accent hover:opacity-90",
  plain: "bg-surface text-ink border-control hover:bg-sunken",
  quiet: "bg-transparent text-ink2 border-transparent hover:bg-sunken hover:text-ink",
  danger: "bg-surface text-bad border-bad hover:bg-bad-soft",
};
const SHAPE =
  "inline-flex min-h-8 items-center justify-center gap-1.5 rounded-s border px-3 text-body font-medium whitespace-nowrap no-underline disabled:opacity-50";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  icon?: IconName;
  /** Shows that it works, and takes no further click. */
  busy?: boolean;
  children?: ReactNode;
}

export function Button({ look = "plain", icon, busy = false, children, className = "", ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      disabled={busy || rest.disabled}
      aria-busy={busy || undefined}
      className={`${SHAPE} ${LOOKS[look]} ${children ? "" : "w-8 px-0"} ${className}`}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface LinkProps {
  to: string;
  /** The query of the address. */
  search?: Record<string, string>;
  look?: Look;
  icon?: IconName;
  children: ReactNode;
}

export function LinkButton({ to, search = {}, look = "plain", icon, children }: LinkProps) {
  return (
    <Link to={to} search={search as never} className={`${SHAPE} ${LOOKS[look]}`}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}
