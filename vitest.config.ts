// Four places the code must work in, one project each: Node, a browser, workerd, and all of it together.
import { availableParallelism } from "node:os";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { playwright } from "@vitest/browser-playwright";
import { defaultClientConditions, defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";
import { engineOfRun, launchOptionsOf } from "./scripts/engines.ts";
import { webkit } from "./test/support/webkit/vitest-provider.ts";

// "dacapo/client" and the like are read from src/, not from a build.
const ownSource = "dacapo-source";
const server = {
  resolve: { conditions: [ownSource, ...defaultServerConditions] },
  ssr: { resolve: { conditions: [ownSource, ...defaultServerConditions] } },
};
const engine = engineOfRun();
/**
 * A test that waits for a fact ends as soon as it is true. So one long limit finds what hangs, and a slow machine is no
 * failure.
 */
const limits = { testTimeout: 300_000, hookTimeout: 300_000, expect: { poll: { timeout: 60_000 } } };

export default defineConfig({
  test: {
    projects: [
      {
        ...server,
        test: {
          name: "unit",
          environment: "node",
          ...limits,
          // Many tests wait. So two files at a time are faster also on two cores.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          // A fresh set of modules for each file takes longer than most files.
          isolate: false,
          include: ["test/{unit,conformance,architecture,docs,simulation}/**/*.test.{ts,tsx}"],
        },
      },
      {
        resolve: { conditions: [ownSource, ...defaultClientConditions] },
        // Found late, each would reload the page in the middle of a test.
        optimizeDeps: {
          include: ["comlink", "idb", "dexie", "valibot", "react", "react-dom/client", "react/jsx-dev-runtime"],
        },
        worker: { format: "es" },
        test: {
          name: "browser",
          ...limits,
          include: ["test/browser/**/*.test.{ts,tsx}"],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: engine === "webkit" ? webkit() : playwright({ launchOptions: launchOptionsOf(engine) }),
            instances: [{ browser: engine }],
          },
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./test/workerd/wrangler.jsonc" } })],
        ssr: {
          resolve: { conditions: [ownSource, "workerd", "worker", "module", "browser", "development|production"] },
        },
        resolve: { conditions: [ownSource, "workerd", "worker", "module", "browser", "development|production"] },
        test: {
          name: "workerd",
          globalSetup: "./test/support/write-edge-samples.ts",
          ...limits,
          include: ["test/workerd/**/*.test.ts"],
        },
      },
      {
        ...server,
        test: {
          name: "e2e",
          environment: "node",
          include: ["test/e2e/**/*.test.ts"],
          // Each drives browsers and servers of its own; side by side they would measure each other.
          fileParallelism: false,
          ...limits,
        },
      },
    ],
  },
});
