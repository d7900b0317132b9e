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

export default defineConfig({
  test: {
    projects: [
      {
        ...server,
        test: {
          name: "unit",
          environment: "node",
          // Real servers and files take part; a busy machine is no failure.
          testTimeout: 30_000,
          // A Postgres needs more than 10 s to stop on a busy machine.
          hookTimeout: 60_000,
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
          // A test that evicts its object before each call needs 6 s on a busy machine.
          testTimeout: 30_000,
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
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
