// The demo's page. `npm start` builds and serves it beside the sync server, `npm run dev` serves it from source.
import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";
import { offlinePage } from "./vite-offline.ts";

// The sync server's port, which `npm start` sets.
const sync = `http://localhost:${process.env["PORT"] ?? "8787"}`;

export default defineConfig({
  plugins: [react(), offlinePage()],
  // "dacapo/client" and the other entries come from src/, not from a build.
  resolve: { conditions: ["dacapo-source", ...defaultClientConditions] },
  worker: { format: "es" },
  // Otherwise a slow machine gets a report about the time of plugins at the first start.
  build: { rolldownOptions: { checks: { bundlerTimings: false } } },
  // Listed here, because Vite reloads the page when it discovers one of them late.
  optimizeDeps: { include: ["comlink", "idb"] },
  server: {
    host: "localhost",
    proxy: { "/sync": { target: sync, ws: true } },
  },
});
