// Bugs that the simulator found. Each seed broke while its bug existed, and stays here under the name of the bug.
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

/** All faults that existed when `bases` was added. */
const WITH_ALL_OF_BASES: readonly FaultName[] = [
  ...WITH_ARCHIVE,
  "networkHints",
  "noLocks",
  "filter",
  "permitThrows",
  "signIn",
  "slowLink",
  "nodeMessages",
  "bases",
];

const WITH_BASES: readonly FaultName[] = ["bases", "releases", "laggards", "answerLoss", "tabCrash", "serverCrash"];

/** `faults` may be drawn. By default these are the faults that existed when the seed was found. */
const found: readonly { readonly seed: number; readonly faults?: readonly FaultName[]; readonly what: string }[] = [
  // The write of these commits failed, so the engine decided them again, after the server had recorded them.
  {
    seed: 183,
    what: "a push sent commits before they were durable, and they were recorded twice",
  },
  { seed: 2_690, what: "stored rows lost changes after a failed write" },
  { seed: 16, what: "a full disk stopped the sync forever" },
  { seed: 203, what: "a live frame that could not be stored was never requested again" },
  { seed: 148, what: "a tab that missed a hint, or whose refresh failed, stayed behind forever" },
  { seed: 7, what: "an outcome was never reported if the refresh that read it failed half way" },
  {
    seed: 145,
    faults: ["clockJump", "restore"],
    what: "a clock jump removed settled commits, and a restore then lost them",
  },
  { seed: 112, faults: ["clockJump", "freeze"], what: "a clock that jumped back kept a frozen leader" },
  // The restore lost the commits on the server, and the device without its right to read did not send them again.
  {
    seed: 2_442,
    what: "a restore lost settled commits if the device had lost its right to read",
  },
  {
    seed: 185,
    faults: ["rights", "restore"],
    what: "a restore lost settled commits if the right to read came and went",
  },
  {
    seed: 21,
    faults: ["storeLost", "storeAbort", "tabMessages"],
    what: "an append without a report ran twice if another tab had it confirmed",
  },
  { seed: 2_279, faults: ["storeFull"], what: "a commit that found no room was shown as pending forever" },
  {
    seed: 614,
    faults: ["freeze", "answerLoss"],
    what: "a commit stayed in the queue after a former leader stored its record",
  },
  {
    seed: 95,
    faults: ["serverClock", "secondNode", "rights"],
    what: "a server with a clock set back sent no more records of another node",
  },
  {
    seed: 10,
    faults: ["rateLimits", "storeAbort"],
    what: "a device came back before the server's retry time after another failure",
  },
  {
    seed: 2_234,
    faults: ["takeBack", "archive", "cut"],
    what: "a commit that settled during an export was pending forever after the import",
  },
  {
    seed: 17_567,
    // The log had no record yet, and the double was recorded after later commits of the same device.
    what: "a late double of a forbidden push was recorded after the right came back",
  },
  { seed: 18_943, what: "a late double of a forbidden push with two commits was recorded" },
  {
    seed: 215,
    faults: ["rights", "doubling"],
    what: "a late double of a forbidden push was recorded, without other faults",
  },
  {
    seed: 25_018,
    faults: ["appendFails", "presence"],
    what: "the simulated socket delivered two frames of one moment in another order",
  },
  { seed: 1_689, faults: ["presence"], what: "the simulated socket swapped two frames, without other faults" },
  // A browser writes the cut strict. The device then pushed a commit with the `seen` of before the cut.
  {
    seed: 31_421,
    what: "the simulated device lost a strict cut of its log in a power cut",
  },
  {
    seed: 62_398,
    what: "the witness compared a response across a restore",
  },
  {
    seed: 61_200,
    faults: ["powerCut", "restore"],
    what: "the checker missed that a power cut and a restore can lose a rejection",
  },
  {
    seed: 640,
    faults: ["hostile", "truncation"],
    what: "a truncated response to the hostile member ended the simulation",
  },
  {
    seed: 870,
    faults: ["hostile", "restore", "secondNode"],
    // The records came with the push's response, and the restore removed them before the node of its socket saw them.
    what: "a device never learned that a restore had removed records of its push",
  },
  {
    seed: 102_147,
    faults: WITH_ARCHIVE,
    what: "the checker missed that a copied device may not know a rejection",
  },
  {
    seed: 54_176,
    faults: FIRST_FAULTS,
    // The restore removed that record and kept the head on which the batch had begun.
    what: "a commit decided on another node's record was recorded after a restore",
  },
  { seed: 21_920, faults: WITH_ARCHIVE, what: "a tab's status showed all as settled before its rows did" },
  {
    seed: 514,
    faults: ["hostile", "restore", "secondNode"],
    // Another author had been rejected under the same id.
    what: "a commit was recorded after its author was told that the id is taken",
  },
  {
    seed: 110,
    faults: ["rateLimits", "slowLink"],
    what: "the answer to a late push ended the wait that the server had requested of a pull",
  },
  {
    seed: 124,
    faults: ["freeze", "rateLimits"],
    what: "a tab that thawed dropped a wait that the server had set while the tab read its store",
  },
  {
    seed: 300_675,
    faults: WITH_ALL_OF_BASES,
    what: "a tab that thawed dropped the wait of a push, beside slow links and sign-ins",
  },
  {
    seed: 434_803,
    faults: WITH_ALL_OF_BASES,
    what: "a page missed the rows of a command that waited while its device joined from a base",
  },
  // The server still has that history, so the `seen` of the pending commits is true.
  ...[416_383, 434_390].map((seed) => ({
    seed,
    faults: WITH_ALL_OF_BASES,
    what: "the witness missed that a device may lose the base that its log begins at, and keep its `seen`",
  })),
  ...[6_646, 701_737].map((seed) => ({
    seed,
    faults: WITH_ALL_OF_BASES,
    what: "a late answer to a push settled a commit whose record a restore had lost",
  })),
  {
    seed: 8_508,
    faults: WITH_ALL_OF_BASES,
    what: "a release dropped the base of a device, and a restore lost its settled commits meanwhile",
  },
  {
    seed: 13_789,
    faults: ["bases", "releases", "restore", "cut"],
    what: "the same, while an older page leaves the rows of a newer release alone",
  },
  // The server answers that the histories diverged, and the device lowers its `seen`.
  {
    seed: 7_073,
    faults: WITH_ALL_OF_BASES,
    what: "the witness compared the `seen` of a device that has worked without a server, before the server's answer",
  },
  {
    seed: 36_438,
    faults: WITH_ALL_OF_BASES,
    what: "the audit began while a push was under way that the server permitted late",
  },
  {
    seed: 445_640,
    faults: WITH_ALL_OF_BASES,
    what: "a device with a clock far behind forgot commits that settled at its join, and a restore lost them",
  },
  // A projection throws for this event in every release, so the log has no base.
  ...[21, 136].map((seed) => ({
    seed,
    faults: WITH_BASES,
    what: "the world took a server's true report of an event that its code cannot fold for a defect",
  })),
];

test.each(found)("seed $seed: $what", async ({ seed, faults = FIRST_FAULTS }) => {
  const { problems } = await runSeed(simulation.domain, seed, { ...simulation.options, faults });
  expect(problems).toEqual([]);
});
