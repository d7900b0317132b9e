// Faults of ours that the simulator found. Each seed broke while its fault was there, and still runs under its name.
import { expect, test } from "vitest";
import { type FaultName, FIRST_FAULTS } from "../../src/testing/simulate/faults.ts";
import { runSeed } from "../../src/testing/simulate/simulate.ts";
import { simulation } from "../support/simulation/simulation.ts";

/** All faults that existed when `archive` was added. */
const WITH_ARCHIVE: readonly FaultName[] = [
  ...FIRST_FAULTS,
  "takeBack",
  "presence",
  "localFirst",
  "laggards",
  "rateLimits",
  "serverClock",
  "archive",
];

/** `faults`: the faults that may be drawn. Left out: the faults that existed when the seed was found. */
const found: readonly { readonly seed: number; readonly faults?: readonly FaultName[]; readonly what: string }[] = [
  {
    seed: 183,
    what: "a push sent commits before they were durable, and the log got them twice",
  },
  { seed: 2_690, what: "stored rows lost changes after one failed write" },
  { seed: 16, what: "a full disk stopped the sync for ever" },
  { seed: 203, what: "a live frame that could not be stored was never pulled again" },
  { seed: 148, what: "a tab that missed a hint, or failed to refresh, stayed behind for ever" },
  { seed: 7, what: "settled() never resolved after a refresh failed half way" },
  {
    seed: 145,
    faults: ["clockJump", "restore"],
    what: "a clock that jumped ahead dropped settled commits, and a restore lost them",
  },
  { seed: 112, faults: ["clockJump", "freeze"], what: "a clock that jumped back kept a frozen leader in its place" },
  {
    seed: 2_442,
    what: "a device without its read right did not offer lost commits again",
  },
  { seed: 185, faults: ["rights", "restore"], what: "the same, with rights and backups that go and come" },
  {
    seed: 21,
    faults: ["storeLost", "storeAbort", "tabMessages"],
    what: "a command was done twice after an append with an unknown end",
  },
  { seed: 2_279, faults: ["storeFull"], what: "a commit without room on the disk was shown as pending for ever" },
  {
    seed: 614,
    faults: ["freeze", "answerLoss"],
    what: "a displaced leader's record left its commit in the queue for ever",
  },
  {
    seed: 95,
    faults: ["serverClock", "secondNode", "rights"],
    what: "a server with a clock set back sent no more of another node's records",
  },
  {
    seed: 10,
    faults: ["rateLimits", "storeAbort"],
    what: "a device retried sooner than the server allowed, after another failure",
  },
  {
    seed: 2_234,
    faults: ["takeBack", "archive", "cut"],
    what: "a commit that settled during an export was in the file twice",
  },
  {
    seed: 17_567,
    what: "a refused commit in an empty log was done later by a doubled push",
  },
  { seed: 18_943, what: "the same, with two commits of one push" },
  { seed: 215, faults: ["rights", "doubling"], what: "the same, with no other fault" },
  {
    seed: 25_018,
    faults: ["appendFails", "presence"],
    what: "the simulated socket swapped two frames that were due at once",
  },
  { seed: 1_689, faults: ["presence"], what: "the same, with no other fault" },
  {
    seed: 31_421,
    what: "the simulated device lost a strict write of a cut with its power",
  },
  {
    seed: 62_398,
    what: "an answer during a restore was compared with answers before it",
  },
  {
    seed: 61_200,
    faults: ["powerCut", "restore"],
    what: "the checker expected a refusal that both sides had lost",
  },
  {
    seed: 640,
    faults: ["hostile", "truncation"],
    what: "a cut answer to the hostile member ended the whole simulation",
  },
  {
    seed: 870,
    faults: ["hostile", "restore", "secondNode"],
    what: "a device never heard of a restore that removed its last push's records",
  },
  {
    seed: 102_147,
    faults: WITH_ARCHIVE,
    what: "the checker expected a refusal from a copy that never got it",
  },
  {
    seed: 54_176,
    faults: FIRST_FAULTS,
    what: "a batch recorded decisions on another node's record that a restore had removed",
  },
  { seed: 21_920, faults: WITH_ARCHIVE, what: "a tab's status showed all as settled before its rows did" },
  {
    seed: 514,
    faults: ["hostile", "restore", "secondNode"],
    what: "a commit with a taken id was recorded later",
  },
];

test.each(found)("seed $seed: $what", { timeout: 20_000 }, async ({ seed, faults = FIRST_FAULTS }) => {
  const { problems } = await runSeed(simulation.domain, seed, { ...simulation.options, faults });
  expect(problems).toEqual([]);
});
