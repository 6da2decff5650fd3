// The pages of the console, one row each: address, name, place in the navigation, who may see it. A page is loaded when it is opened.
// A row whose permissions the person lacks is neither in the navigation nor reachable.

import type { ComponentType } from "react";
import type { PermissionCode } from "./api/schema.d.ts";
import type { ShellWord } from "./i18n/shell.ts";
import type { IconName } from "./ui/icon.tsx";

export type Group = "watch" | "use" | "setup" | "run";

export interface PageRow {
  /** Below /console. `{-$id}` is a part that may be absent: what is open on the page. */
  path: string;
  title: ShellWord;
  group: Group;
  icon: IconName;
  /** After `g`, the key that leads to the page. */
  key: string;
  /** One of them is needed. */
  needs: PermissionCode[];
  /** Every user has it, whatever their permissions. */
  forUsers?: true;
  load: () => Promise<{ default: ComponentType }>;
}

export const PAGES: PageRow[] = [
  {
    path: "/",
    title: "overview",
    group: "watch",
    icon: "overview",
    key: "o",
    needs: ["view_all_statistics", "view_own_statistics"],
    load: () => import("./pages/overview/page.tsx"),
  },
  {
    path: "/requests/{-$id}",
    title: "requests",
    group: "watch",
    icon: "requests",
    key: "r",
    needs: ["view_all_requests", "view_own_requests"],
    load: () => import("./pages/requests/page.tsx"),
  },
  {
    path: "/usage",
    title: "usage",
    group: "watch",
    icon: "usage",
    key: "u",
    needs: ["view_all_statistics", "view_own_statistics"],
    load: () => import("./pages/usage/page.tsx"),
  },
  {
    path: "/alerts",
    title: "alerts",
    group: "watch",
    icon: "alert",
    key: "w",
    needs: ["view_alerts"],
    load: () => import("./pages/alerts/page.tsx"),
  },
  {
    path: "/notifications",
    title: "notifications",
    group: "watch",
    icon: "bell",
    key: "n",
    needs: ["manage_notifications"],
    forUsers: true,
    load: () => import("./pages/notifications/page.tsx"),
  },
  {
    path: "/playground",
    title: "playground",
    group: "use",
    icon: "chat",
    key: "p",
    needs: ["manage_all_api_keys", "manage_own_api_keys"],
    load: () => import("./pages/playground/page.tsx"),
  },
  {
    path: "/conversations/{-$id}",
    title: "conversations",
    group: "use",
    icon: "chat",
    key: "v",
    needs: ["view_all_conversations", "view_own_conversations"],
    load: () => import("./pages/conversations/page.tsx"),
  },
  {
    path: "/connect",
    title: "connect",
    group: "use",
    icon: "plug",
    key: "c",
    needs: ["view_all_api_keys", "manage_own_api_keys"],
    load: () => import("./pages/connect/page.tsx"),
  },
  {
    path: "/account",
    title: "account",
    group: "use",
    icon: "person",
    key: "z",
    needs: [],
    forUsers: true,
    load: () => import("./pages/account/page.tsx"),
  },
  {
    path: "/start",
    title: "start",
    group: "setup",
    icon: "check",
    key: "s",
    needs: ["view_system_status"],
    load: () => import("./pages/start/page.tsx"),
  },
  {
    path: "/providers/{-$id}",
    title: "providers",
    group: "setup",
    icon: "provider",
    key: "d",
    needs: ["admin_view_providers", "manage_own_providers"],
    load: () => import("./pages/providers/page.tsx"),
  },
  {
    path: "/submissions/{-$id}",
    title: "submissions",
    group: "setup",
    icon: "review",
    key: "i",
    needs: ["review_shared_provider", "submit_shared_provider"],
    load: () => import("./pages/submissions/page.tsx"),
  },
  {
    path: "/probes/{-$id}",
    title: "probes",
    group: "setup",
    icon: "probe",
    key: "q",
    needs: ["operate_providers", "manage_own_providers"],
    load: () => import("./pages/probes/page.tsx"),
  },
  {
    path: "/models/{-$id}",
    title: "models",
    group: "setup",
    icon: "model",
    key: "m",
    needs: ["view_models"],
    load: () => import("./pages/models/page.tsx"),
  },
  {
    path: "/keys/{-$id}",
    title: "keys",
    group: "setup",
    icon: "key",
    key: "k",
    needs: ["view_all_api_keys", "manage_own_api_keys"],
    load: () => import("./pages/keys/page.tsx"),
  },
  {
    path: "/limits/{-$id}",
    title: "limits",
    group: "setup",
    icon: "limit",
    key: "l",
    needs: ["view_limits", "view_own_limits"],
    load: () => import("./pages/limits/page.tsx"),
  },
  {
    path: "/credits/{-$id}",
    title: "credits",
    group: "setup",
    icon: "credit",
    key: "b",
    needs: ["view_all_credits", "view_own_credits", "view_prices"],
    load: () => import("./pages/credits/page.tsx"),
  },
  {
    path: "/guards/{-$id}",
    title: "guards",
    group: "setup",
    icon: "guard",
    key: "f",
    needs: ["view_guards"],
    load: () => import("./pages/guards/page.tsx"),
  },
  {
    path: "/tools/{-$id}",
    title: "tools",
    group: "setup",
    icon: "tool",
    key: "g",
    needs: ["manage_tools", "manage_own_api_keys", "view_all_requests", "view_own_requests"],
    load: () => import("./pages/tools/page.tsx"),
  },
  {
    path: "/bridge/{-$id}",
    title: "bridge",
    group: "setup",
    icon: "bridge",
    key: "j",
    needs: ["manage_all_api_keys", "manage_own_api_keys"],
    load: () => import("./pages/bridge/page.tsx"),
  },
  {
    path: "/users/{-$id}",
    title: "users",
    group: "run",
    icon: "users",
    key: "e",
    needs: ["view_users"],
    load: () => import("./pages/users/page.tsx"),
  },
  {
    path: "/roles/{-$id}",
    title: "roles",
    group: "run",
    icon: "role",
    key: "h",
    needs: ["manage_user_permissions"],
    load: () => import("./pages/roles/page.tsx"),
  },
  {
    path: "/teams/{-$id}",
    title: "teams",
    group: "run",
    icon: "team",
    key: "t",
    needs: ["view_teams", "view_own_teams"],
    load: () => import("./pages/teams/page.tsx"),
  },
  {
    path: "/identity/{-$id}",
    title: "identity",
    group: "run",
    icon: "door",
    key: "x",
    needs: ["manage_identity_providers"],
    load: () => import("./pages/identity/page.tsx"),
  },
  {
    path: "/audit/{-$id}",
    title: "audit",
    group: "run",
    icon: "audit",
    key: "a",
    needs: ["view_audit"],
    load: () => import("./pages/audit/page.tsx"),
  },
  {
    path: "/settings",
    title: "system",
    group: "run",
    icon: "settings",
    key: "y",
    needs: ["view_system_status", "manage_backups", "manage_system", "manage_configuration"],
    load: () => import("./pages/settings/page.tsx"),
  },
];

/** The address of a page without its optional part. */
export const addressOf = ({ path }: PageRow) => path.replace(/\/\{.*$/, "") || "/";
