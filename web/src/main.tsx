// The beginning: queries, router, and the frame around the pages.

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider, createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiFailure } from "./api/client.ts";
import { parseSearch, stringifySearch } from "./lib/url.ts";
import { PAGES } from "./routes.tsx";
import { Frame } from "./shell/frame.tsx";
import { Crashed, NotFound } from "./shell/problems.tsx";
import { reloadOnLostChunk } from "./shell/version.ts";
import "./styles/base.css";

reloadOnLostChunk();

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the gateway refuses, it refuses again.
      retry: (times, error) => times < 2 && error instanceof ApiFailure && (error.status === 0 || error.status >= 502),
      refetchOnWindowFocus: true,
    },
  },
});

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });
const pages = PAGES.map(({ path, load }) =>
  createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load), errorComponent: Crashed }),
);

const router = createRouter({
  routeTree: root.addChildren(pages),
  basepath: "/console",
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: false,
});

const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
