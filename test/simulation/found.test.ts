// Faults of ours that the simulator found. Each seed broke while its fault was there, and runs for ever under the name of it.
import { expect, test } from "vitest";
import { type FaultName, FIRST_FAULTS } from "../../src/testing/simulate/faults.ts";
import { runSeed } from "../../src/testing/simulate/simulate.ts";
import { simulation } from "../support/simulation/simulation.ts";

/** All that there were when `archive` had been added. */
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

/** `faults`: those that may be drawn; where none are named, those that there were when the seed was found. */
const found: readonly { readonly seed: number; readonly faults?: readonly FaultName[]; readonly what: string }[] = [
  {
    seed: 183,
    what: "a push took along commits that were not durable yet; when their write failed they were decided again, and stood in the log twice",
  },
  { seed: 2_690, what: "stored rows lost what had changed when their write failed once" },
  { seed: 16, what: "a full disk stopped the sync for good" },
  { seed: 203, what: "a live frame that could not be stored was forgotten, and nobody asked for it again" },
  { seed: 148, what: "a tab that missed a hint, or whose look failed, stayed behind for good" },
  { seed: 7, what: "the end of a commit was never told where the look that found it failed half way" },
  {
    seed: 145,
    faults: ["clockJump", "restore"],
    what: "a clock that jumped ahead threw settled commits away, and a restore then lost them",
  },
  { seed: 112, faults: ["clockJump", "freeze"], what: "a clock that jumped back kept a frozen leader in its place" },
  {
    seed: 2_442,
    what: "what a device had settled, and a restore then lost, was not offered again where the device had lost its right to read meanwhile",
  },
  { seed: 185, faults: ["rights", "restore"], what: "the same, where the right to read and a backup go and come" },
  {
    seed: 21,
    faults: ["storeLost", "storeAbort", "tabMessages"],
    what: "a command whose append was not told its end was done twice, where another tab had it confirmed meanwhile",
  },
  { seed: 2_279, faults: ["storeFull"], what: "a commit that found no room was shown as pending for good" },
  {
    seed: 614,
    faults: ["freeze", "answerLoss"],
    what: "a commit whose record a displaced leader had stored without knowing of it stood in the queue for good",
  },
  {
    seed: 95,
    faults: ["serverClock", "secondNode", "rights"],
    what: "a server whose clock was set back told its sockets no more of what another node had appended",
  },
  {
    seed: 10,
    faults: ["rateLimits", "storeAbort"],
    what: "a device came again before the server wished, once something else had failed",
  },
  {
    seed: 2_234,
    faults: ["takeBack", "archive", "cut"],
    what: "what ended while a file was made stood in it twice, and waited for good where it was imported",
  },
  {
    seed: 17_567,
    what: "what was refused for want of a right, in a log that nobody had written to, was done by a late double of its push once the right was back, behind what came later",
  },
  { seed: 18_943, what: "the same, where two commits of one push were done late" },
  { seed: 215, faults: ["rights", "doubling"], what: "the same, where nothing else goes wrong" },
  {
    seed: 25_018,
    faults: ["appendFails", "presence"],
    what: "two frames that a device sent were due at once, and the simulated socket gave them to the server in another order",
  },
  { seed: 1_689, faults: ["presence"], what: "the same, where all else goes well" },
  {
    seed: 31_421,
    what: "the simulated device lost, with its power, a cut of its log that a browser writes strict, and pushed a commit with what it had seen before the cut",
  },
  {
    seed: 62_398,
    what: "an answer that was under way when the store went back was held against what had been told before",
  },
  {
    seed: 61_200,
    faults: ["powerCut", "restore"],
    what: "a refusal that the device lost with its power, and the server with a restore, was held to be remembered",
  },
  {
    seed: 640,
    faults: ["hostile", "truncation"],
    what: "an answer to the hostile member that was cut behind a brace ended the whole simulation",
  },
  {
    seed: 870,
    faults: ["hostile", "restore", "secondNode"],
    what: "a device whose last records came with a push's answer, and went with a restore before the node of its socket saw them, was never told",
  },
  {
    seed: 102_147,
    faults: WITH_ARCHIVE,
    what: "a refusal that the server lost with a restore was held to be remembered by a copy of the device that had never heard of it",
  },
  {
    seed: 54_176,
    faults: FIRST_FAULTS,
    what: "what was decided on another node's record was recorded, where a restore took that record and left the end with which the batch had begun",
  },
  { seed: 21_920, faults: WITH_ARCHIVE, what: "a tab's status told that all was settled before its rows did" },
  {
    seed: 514,
    faults: ["hostile", "restore", "secondNode"],
    what: "whoever was told that an id is taken, since someone else had been refused under it, was recorded later",
  },
];

test.each(found)("seed $seed: $what", { timeout: 20_000 }, async ({ seed, faults = FIRST_FAULTS }) => {
  const { problems } = await runSeed(simulation.domain, seed, { ...simulation.options, faults });
  expect(problems).toEqual([]);
});
