/** Builds the page of the shop and serves it, with the API of the shop's server behind it. */
import react from "@vitejs/plugin-react";
import { build, createLogger, defaultClientConditions, type InlineConfig, preview, type PreviewServer } from "vite";
import { root } from "./programs.ts";
import { withoutProxyTraces } from "./proxy-traces.ts";

export type OrdersPageOptions = {
  /** The folder of the built files. */
  readonly outDir: string;
  readonly host: string;
  /** 0: an unused one. */
  readonly port: number;
  /** The port of the shop's server. */
  readonly apiPort: number;
};

export async function startOrdersPage({ outDir, host, port, apiPort }: OrdersPageOptions): Promise<PreviewServer> {
  const page = {
    root: `${root}demo/orders/page`,
    configFile: false as const,
    logLevel: "warn" as const,
    customLogger: withoutProxyTraces(createLogger("warn")),
    plugins: [react()],
    resolve: { conditions: ["dacapo-source", ...defaultClientConditions] },
    build: { outDir, emptyOutDir: true, rolldownOptions: { checks: { bundlerTimings: false } } },
    preview: { host, port, strictPort: true, proxy: { "/api": { target: `http://${host}:${apiPort}` } } },
  } satisfies InlineConfig;
  await build(page);
  return preview(page);
}
