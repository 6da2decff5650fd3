// The build of the console: into public/console, beside the other files that Cloudflare serves without asking the Worker.

import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The gateway that the development server passes everything on to that is not the console. */
const gateway = process.env.NEXUS_EDGE_GATEWAY ?? "http://127.0.0.1:8787";

const BASE = new RegExp(
  [
    "node_modules/(react|react-dom|scheduler|@tanstack|use-sync-external-store)/",
    "rolldown/runtime|rolldown-runtime|vite/preload-helper",
    "web/src/(api/(client|notifications|session)|shell/(?!public|sign-in)|i18n/(shell|t)|routes|lib/(format|preferences|url|csv|range|outcome|trail|window)\\.)",
    "web/src/ui/(button|copy|dialog|field|icon|meter|page|popover|secret|segmented|spark|states|status|table|time|waterfall|words)\\.",
  ].join("|"),
);

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  plugins: [react(), tailwindcss()],
  // No cache of the bundler in node_modules, which `npm ci` would find in its way.
  cacheDir: "../build-console/.vite",
  build: {
    outDir: "../build-console/console",
    emptyOutDir: true,
    manifest: "manifest.json",
    // Files inside of scripts and styles would need `data:` in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ["chrome123", "firefox120", "safari17.5"],
    reportCompressedSize: false,
    // What every page needs is one file: the first page takes few requests, and a page of its own brings its own only.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "base", test: BASE, priority: 10 }] } } },
  },
  server: {
    host: "127.0.0.1",
    port: 5173,
    strictPort: true,
    // Cookies count from pages of the gateway's own origin only: for it, this page is one, by its host as by its origin.
    proxy: {
      "^/(?!console/(?!session))": { target: gateway, changeOrigin: true, ws: true, headers: { origin: gateway } },
    },
  },
});
