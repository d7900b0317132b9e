// Runs tests with the mutants of a plan inside the code, for `npm run mutate` alone.
import { join, relative } from "node:path";
import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";
import type { TestSpecification } from "vitest/node";
import { cacheFolderOf, projectFolder, readPlan } from "./plan.ts";

const conditions = ["dacapo-source", ...defaultServerConditions];
const plan = readPlan();
const order = plan.tests.map(({ file }) => join(projectFolder, file));

class PlanOrder {
  sort(specifications: TestSpecification[]): TestSpecification[] {
    return specifications.toSorted((one, other) => order.indexOf(one.moduleId) - order.indexOf(other.moduleId));
  }
  shard(specifications: TestSpecification[]): TestSpecification[] {
    return specifications;
  }
}

export default defineConfig({
  root: projectFolder,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  plugins: [
    {
      name: "dacapo-mutants",
      enforce: "pre",
      load: (id) => plan.code[relative(projectFolder, id)],
    },
  ],
  test: {
    environment: "node",
    // Vitest's cache on disk knows no plan. With one cache, a run would get files with the mutants of another run.
    fsModuleCachePath: cacheFolderOf(plan),
    pool: "forks",
    maxWorkers: 2,
    maxConcurrency: 1,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    include: plan.tests.map(({ file }) => file),
    runner: "test/mutation/runner.ts",
    setupFiles: ["test/mutation/end-on-failure.ts"],
    sequence: { sequencer: PlanOrder },
    dangerouslyIgnoreUnhandledErrors: true,
    reporters: ["dot"],
    onConsoleLog: () => false,
  },
});
