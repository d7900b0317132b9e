// The page of the workloads in a real Chromium, built like an app. Its profile is on disk, because an incognito
// window keeps IndexedDB in memory.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { build, defaultClientConditions, preview } from "vite";
import { chromiumFlags, findChromium, howToGetChromium } from "../../scripts/chromium.ts";

export type BenchPage = {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly origin: string;
  /** Chromium's version. */
  readonly chromium: string;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** With these headers the page's clock has microseconds; without, tenths of a millisecond. */
const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** @param readable keeps names in the code, for a profile, like `BENCH_READABLE=1` */
export async function openBenchPage({ readable = process.env["BENCH_READABLE"] === "1" } = {}): Promise<BenchPage> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error(howToGetChromium);
  const folder = await mkdtemp(join(tmpdir(), "dacapo-bench-"));
  const site = join(folder, "site");
  const config = {
    root: fileURLToPath(new URL("../page", import.meta.url)),
    configFile: false as const,
    logLevel: "warn" as const,
    resolve: { conditions: ["dacapo-source", ...defaultClientConditions] },
    worker: { format: "es" as const },
    build: { outDir: site, emptyOutDir: true, minify: !readable, target: "es2022" },
  };
  await build(config);
  const server = await preview({ ...config, preview: { port: 0, host: "localhost", headers: isolation } });
  const origin = server.resolvedUrls?.local[0]?.replace(/\/$/, "");
  if (!origin) throw new Error("The page of the workloads has no address");

  const context = await chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: [...chromiumFlags],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("pageerror", (error) => console.error(error));
  page.on("console", (message) => {
    // Hide network errors, because a workload has an unreachable server and the browser reports each attempt.
    if (message.type() === "error" && !message.text().includes("net::ERR_")) console.error(message.text());
  });
  await page.goto(`${origin}/`);
  const { product } = await (await context.newCDPSession(page)).send("Browser.getVersion");
  return {
    page,
    context,
    origin,
    chromium: product,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await server.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
