// The frame around the pages: navigation by permission, the palette, and signing in, in place of the pages or over them when a
// session ends while someone works.

import { Link, Navigate, Outlet, useRouterState, useSearch } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useRef, useState } from "react";
import { onConfirmation, onSignedOut } from "../api/client.ts";
import { useUnread } from "../api/notifications.ts";
import { useMay, useSession } from "../api/session.ts";
import { useShellWords } from "../i18n/shell.ts";
import { type Group, PAGES, type PageRow, addressOf } from "../routes.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Failure, Skeleton } from "../ui/states.tsx";
import { Account } from "./account.tsx";
import { Help } from "./help.tsx";
import { Palette } from "./palette.tsx";
import { NotFound } from "./problems.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { useHasNewVersion } from "./version.ts";

// Most who open the console are signed in.
const SignInPage = lazy(() => import("./sign-in.tsx").then((part) => ({ default: part.SignInPage })));
const SignInForm = lazy(() => import("./sign-in.tsx").then((part) => ({ default: part.SignInForm })));
const PublicPage = lazy(() => import("./public/pages.tsx"));
/** Pages that need no session, and are none of the navigation's. */
const PUBLIC = ["/reset-password", "/verify-email", "/forgot-password", "/register"];

/** Where a sign-in with a service that came to nothing leads, with its code. */
const SIGN_IN = "/sign-in";

const GROUPS: Group[] = ["watch", "use", "setup", "run"];
/** How many pages the bar of a phone has room for, beside "more". */
const IN_BAR = 4;

export function Frame() {
  const path = usePath();
  if (!PUBLIC.includes(path)) return <Pages />;
  return (
    <Suspense fallback={null}>
      <PublicPage path={path} />
    </Suspense>
  );
}

const usePath = () => useRouterState({ select: (state) => state.location.pathname.replace(/^\/console/, "") || "/" });

function Pages() {
  const path = usePath();
  const search = useSearch({ strict: false }) as { failed?: string };
  const session = useSession();
  const words = useShellWords();
  if (session.isPending) {
    return (
      <div className="p-6">
        <Skeleton rows={6} />
      </div>
    );
  }
  if (session.error) {
    return (
      <main className="mx-auto max-w-form p-6">
        <h1 className="text-page font-semibold">Nexus Edge</h1>
        <Failure error={session.error} retry={() => session.refetch()} title={words.console} />
      </main>
    );
  }
  if (!session.data)
    return (
      <Suspense fallback={null}>
        <SignInPage failed={path === SIGN_IN ? search.failed : undefined} />
      </Suspense>
    );
  // A service that could not be linked leads here as well.
  if (path === SIGN_IN) return <Navigate to={search.failed ? "/account" : "/"} search={search as never} replace />;
  return <SignedIn />;
}

function SignedIn() {
  const words = useShellWords();
  const may = useMay();
  const session = useSession();
  const sees = ({ needs, forUsers }: PageRow) => may(...needs) || (forUsers === true && session.data?.kind === "user");
  const pages = PAGES.filter(sees);
  const unread = useUnread();
  const hasNewVersion = useHasNewVersion();
  const [open, setOpen] = useState<"palette" | "help" | "menu" | null>(null);
  const [isExpired, setExpired] = useState(false);
  const [confirming, setConfirming] = useState<{ done: (is: boolean) => void }>();
  useEffect(() => onSignedOut(() => setExpired(true)), []);
  useEffect(() => onConfirmation(() => new Promise((resolve) => setConfirming({ done: resolve }))), []);
  const confirmed = (is: boolean) => {
    confirming?.done(is);
    setConfirming(undefined);
  };
  // A session that was read after the old one ended.
  useEffect(() => {
    if (session.dataUpdatedAt) setExpired(false);
  }, [session.dataUpdatedAt]);
  useShortcuts(pages, setOpen);
  const path = usePath();
  const page = pageAt(path);
  useEffect(() => {
    document.title = page ? `${words[page.title]} · Nexus Edge` : "Nexus Edge";
    setOpen((now) => (now === "menu" ? null : now));
  }, [page, words]);
  const navigation = useRef<HTMLElement>(null);
  // The entry of the page is in sight, also where the navigation is longer than the window.
  const entry = page && sees(page) ? page.path : undefined;
  useEffect(() => {
    if (entry) navigation.current?.querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest" });
  }, [entry]);
  return (
    <div className="grid h-dvh grid-cols-1 grid-rows-[minmax(0,1fr)_auto] sm:grid-cols-[56px_minmax(0,1fr)] sm:grid-rows-1 lg:grid-cols-[208px_minmax(0,1fr)]">
      <a href="#page" className="sr-only focus:not-sr-only focus:fixed focus:z-50 focus:bg-surface focus:p-2">
        {words.skip}
      </a>
      <aside className="hidden min-h-0 flex-col border-r border-line sm:flex">
        <p className="flex h-12 shrink-0 items-center gap-2 px-4 font-semibold">
          <img src="/console/favicon.svg" alt="" width="22" height="22" />
          <span className="hidden lg:inline">Nexus Edge</span>
        </p>
        <div className="px-2">
          <button
            type="button"
            onClick={() => setOpen("palette")}
            className="flex h-8 w-full items-center gap-2 rounded-s border border-control bg-surface px-2 text-ink3"
          >
            <Icon name="search" />
            <span className="hidden flex-1 truncate text-left lg:inline">{words.search}</span>
            <kbd className="hidden font-mono text-label lg:inline">⌘K</kbd>
            <span className="sr-only lg:hidden">{words.search}</span>
          </button>
        </div>
        <nav ref={navigation} aria-label={words.navigation} className="min-h-0 flex-1 overflow-y-auto px-2 py-2">
          <Groups pages={pages} />
        </nav>
        {hasNewVersion && <NewVersion />}
        <div className="border-t border-line p-2">
          <Account />
        </div>
      </aside>
      <main id="page" tabIndex={-1} className="min-h-0 min-w-0 overflow-y-auto outline-none">
        {page && !sees(page) ? <NotFound /> : <Outlet />}
      </main>
      <nav
        aria-label={words.navigation}
        className="flex border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] sm:hidden"
      >
        {pages.slice(0, IN_BAR).map((row) => (
          <BarLink key={row.path} page={row} />
        ))}
        <button
          type="button"
          onClick={() => setOpen("menu")}
          aria-haspopup="dialog"
          className="flex min-w-0 flex-1 flex-col items-center gap-0.5 py-1.5 text-label text-ink2"
        >
          <span className="relative">
            <Icon name="more" size={20} />
            {unread > 0 && <Dot />}
          </span>
          {words.more}
          {unread > 0 && <span className="sr-only">{words.unread(unread)}</span>}
        </button>
      </nav>
      {open === "palette" && <Palette pages={pages} onClose={() => setOpen(null)} />}
      {open === "help" && <Help pages={pages} onClose={() => setOpen(null)} />}
      {open === "menu" && (
        <Dialog title="Nexus Edge" onClose={() => setOpen(null)}>
          <Button icon="search" className="mb-3 w-full justify-start!" onClick={() => setOpen("palette")}>
            {words.search}
          </Button>
          <nav aria-label={words.more}>
            <Groups pages={pages} wide />
          </nav>
          {hasNewVersion && <NewVersion />}
          <div className="mt-3 border-t border-line pt-3">
            <Account wide />
          </div>
        </Dialog>
      )}
      {confirming && (
        <Dialog title={words.confirm} onClose={() => confirmed(false)}>
          <p className="mb-4 text-ink2">{words.confirmHint}</p>
          <Suspense fallback={<Skeleton rows={4} />}>
            <SignInForm onDone={() => confirmed(true)} />
          </Suspense>
        </Dialog>
      )}
      {isExpired && (
        <Dialog title={words.signInAgain} onClose={() => {}} canClose={false}>
          <p className="mb-4 text-ink2">{words.signInAgainHint}</p>
          <Suspense fallback={<Skeleton rows={4} />}>
            <SignInForm />
          </Suspense>
        </Dialog>
      )}
    </div>
  );
}

/** The row of an address, its optional part included. */
function pageAt(path: string): PageRow | undefined {
  return PAGES.find((row) => {
    const address = addressOf(row);
    return path === address || (address !== "/" && path.startsWith(`${address}/`));
  });
}

function Groups({ pages, wide = false }: { pages: PageRow[]; wide?: boolean }) {
  const words = useShellWords();
  const unread = useUnread();
  return GROUPS.map((group) => {
    const rows = pages.filter((row) => row.group === group);
    if (rows.length === 0) return null;
    return (
      <div key={group} className="mb-3">
        <p className={`px-2 pb-1 text-label text-ink3 ${wide ? "" : "hidden lg:block"}`}>{words[group]}</p>
        <ul>
          {rows.map((row) => (
            <li key={row.path}>
              <Link
                to={addressOf(row)}
                activeOptions={{ exact: row.path === "/", includeSearch: false }}
                activeProps={{ className: "bg-accent-soft text-accent font-medium", "aria-current": "page" }}
                inactiveProps={{ className: "text-ink2 hover:bg-sunken hover:text-ink" }}
                title={words[row.title]}
                className="flex h-8 items-center gap-2.5 rounded-s px-2 no-underline pointer-coarse:h-11"
              >
                <span className="relative">
                  <Icon name={row.icon} />
                  {row.title === "notifications" && unread > 0 && <Dot />}
                </span>
                <span className={`truncate ${wide ? "" : "max-lg:sr-only"}`}>{words[row.title]}</span>
                {row.title === "notifications" && unread > 0 && (
                  <span className={`ml-auto text-label ${wide ? "" : "max-lg:sr-only"}`}>{words.unread(unread)}</span>
                )}
              </Link>
            </li>
          ))}
        </ul>
      </div>
    );
  });
}

function NewVersion() {
  const words = useShellWords();
  return (
    <div role="status" className="border-t border-line p-2">
      <p className="text-table text-ink2 max-lg:sm:sr-only">{words.newVersion}</p>
      <Button icon="refresh" title={words.newVersion} onClick={() => location.reload()} className="mt-1 w-full">
        <span className="max-lg:sm:sr-only">{words.reload}</span>
      </Button>
    </div>
  );
}

const Dot = () => <span aria-hidden="true" className="absolute -top-0.5 -right-0.5 size-1.5 rounded-full bg-accent" />;

function BarLink({ page }: { page: PageRow }) {
  const words = useShellWords();
  return (
    <Link
      to={addressOf(page)}
      activeOptions={{ exact: page.path === "/", includeSearch: false }}
      activeProps={{ className: "text-accent", "aria-current": "page" }}
      inactiveProps={{ className: "text-ink2" }}
      className="flex min-w-0 flex-1 flex-col items-center gap-0.5 py-1.5 text-label no-underline"
    >
      <Icon name={page.icon} size={20} />
      <span className="max-w-full truncate px-0.5">{words[page.title]}</span>
    </Link>
  );
}
