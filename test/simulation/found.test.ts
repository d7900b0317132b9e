// Faults of ours that a seed found. Each seed runs for ever, under the name of what it found.
import { expect, test } from "vitest";
import { runSeed } from "../../src/testing/simulate/simulate.ts";
import { simulation } from "./support/simulation.ts";

test.each([
  [1_614, "a push took along commits that were not durable yet; when their write failed they were decided again, and stood in the log twice"],
  [3_143, "the same: what was refused to its author was recorded"],
  [24, "stored rows lost what had changed when their write failed once"],
  [54, "a full disk stopped the sync for good"],
  [203, "a live frame that could not be stored was forgotten, and nobody asked for it again"],
  [168, "a tab that missed a hint, or whose look failed, stayed behind for good"],
  [494, "the end of a commit was never told where the look that found it failed half way"],
  [1_499, "a clock that jumped ahead threw settled commits away, and a restore then lost them"],
  [2_380, "a clock that jumped back made the sync wait for years"],
  [3_379, "a clock that jumped back kept a frozen leader in its place"],
  [4_547, "a commit that found no room was shown as pending for good"],
])("seed %i: %s", { timeout: 20_000 }, async (seed) => {
  expect((await runSeed(simulation.domain, seed, simulation.options)).problems).toEqual([]);
});
