/**
 * The faults of a simulation, and the draw of a seed: which faults are on, and how strong.
 *
 * Guarantees:
 * - Many seeds have none to two faults, so that each fault occurs alone. Other seeds have many at once (swarm testing,
 *   Groce et al., 2012).
 * - A fault that is off never happens and costs nothing.
 * - Later faults are drawn with their own chance, and half of the seeds have none. So the first set of a seed never
 *   changes, and a pinned seed still shows its bug (test/simulation/found.test.ts).
 */
import type { SeededRandom } from "../seeded-random.ts";

/** The first set of faults, each with a sentence. A strength is between 0 (off) and 1. Never add a name here. */
const FIRST = {
  requestLoss: "a request never arrives",
  answerLoss: "a response never arrives, although the server processed the request",
  doubling: "a request arrives twice, the second time perhaps much later",
  lateness: "some messages take seconds instead of milliseconds",
  cut: "the network of a device is cut, in one direction or both, for a while",
  truncation: "a response or a frame arrives as half of its text",
  frameLoss: "a socket goes silent without a close event",
  frameDoubling: "live frames arrive twice, or in another order",
  storeAbort: "a transaction of the device is aborted",
  storeFull: "the device's disk is full for a while",
  storeLost: "the device's database is lost for a while, or right after it wrote",
  tabCrash: "a tab dies at any await and never resumes",
  powerCut: "a device loses its power, and its last relaxed writes",
  freeze: "a tab freezes with its locks held, and may thaw much later",
  clone: "a device's database is copied to a second device",
  eviction: "the browser deletes a device's storage",
  clockSkew: "clocks of devices are off, up to years",
  clockJump: "clocks of devices jump, back and forth",
  tabMessages: "messages between tabs are lost or doubled",
  appendFails: "the server's store fails before, or after, it wrote",
  serverCrash: "a server node dies at any await and starts again",
  secondNode: "two server nodes share the store",
  restore: "the server's store is restored from an older backup",
  drop: "a log is deleted forever",
  rights: "a right is taken away and given back",
  hostile: "a member sends forged and mutated pushes",
  tenants: "two logs with the same people, streams and ids",
  releases: "some sides run an older release of the domain",
} as const;

/** The faults and habits that were added later. Never add a name here. */
const ADDED = {
  takeBack: "people undo, redo and withdraw",
  presence: "people show where they are",
  localFirst: "some devices begin without a server, and get one later",
  laggards: "some devices run an older release forever",
  rateLimits: "servers accept little at a time, and set a retry time",
  serverClock: "clocks of servers differ, and jump",
  archive: "a device's log is exported and imported on a fresh device",
  networkHints: "browsers say that they are offline or online, and it is not true",
  noLocks: "some devices have no Web Locks",
  filter: "a virus scanner refuses each push with the text of one commit, also after the world is healed",
  permitThrows: "`permit` throws for one command on one stream, also after the world is healed",
  signIn: "the token of a device ends, and a person signs in in one of its tabs",
  slowLink: "a device's link is so slow that calls time out, forever",
  nodeMessages: "two server nodes send each other hints and presence, which are lost or late, and their readers lag",
} as const;

/** Habits that are drawn alone, each with a chance of its own. So older seeds stay the same. New names go here. */
const LONE = {
  bases: "servers keep bases, pages are small, and more devices come later and join by a base",
} as const;

export const FAULTS = { ...FIRST, ...ADDED, ...LONE } as const;

/** The name of a fault, such as `answerLoss`. */
export type FaultName = keyof typeof FAULTS;
export type Faults = Readonly<Record<FaultName, number>>;

export const FAULT_NAMES = Object.keys(FAULTS).filter((name): name is FaultName => name in FAULTS);

/** The faults of the first set, which early pinned seeds drew. */
export const FIRST_FAULTS: readonly FaultName[] = FAULT_NAMES.filter((name) => name in FIRST);

/** Draws the faults of a seed from the allowed faults of the first set. */
export function drawFaults(random: SeededRandom, allowed: readonly FaultName[]): Faults {
  const first = allowed.filter((name) => name in FIRST);
  const count = Math.min(first.length, random.chance(0.5) ? random.below(3) : 2 + random.below(6));
  return { ...NO_FAULTS, ...drawStrengths(random, first, count) };
}

/** Draws from the faults that were added later, for half of the seeds. */
export function drawAddedFaults(random: SeededRandom, allowed: readonly FaultName[]): Partial<Faults> {
  const added = allowed.filter((name) => name in ADDED);
  return added.length === 0 || random.chance(0.5) ? {} : drawStrengths(random, added, 1 + random.below(3));
}

/** Draws whether the worlds of a seed have bases. */
export function drawBases(random: SeededRandom, allowed: readonly FaultName[]): Partial<Faults> {
  return allowed.includes("bases") && random.chance(allowed.length === 1 ? 1 : 0.3) ? { bases: 1 } : {};
}

function drawStrengths(random: SeededRandom, names: readonly FaultName[], count: number): Partial<Faults> {
  const strengths: Partial<Record<FaultName, number>> = {};
  for (let drawn = 0; drawn < count; drawn++)
    strengths[random.pick(names)] = [0.05, 0.2, 0.5, 0.9][random.below(4)] ?? 0.2;
  return strengths;
}

export const NO_FAULTS: Faults = {
  requestLoss: 0,
  answerLoss: 0,
  doubling: 0,
  lateness: 0,
  cut: 0,
  truncation: 0,
  frameLoss: 0,
  frameDoubling: 0,
  storeAbort: 0,
  storeFull: 0,
  storeLost: 0,
  tabCrash: 0,
  powerCut: 0,
  freeze: 0,
  clone: 0,
  eviction: 0,
  clockSkew: 0,
  clockJump: 0,
  tabMessages: 0,
  appendFails: 0,
  serverCrash: 0,
  secondNode: 0,
  restore: 0,
  drop: 0,
  rights: 0,
  hostile: 0,
  tenants: 0,
  releases: 0,
  takeBack: 0,
  presence: 0,
  localFirst: 0,
  laggards: 0,
  rateLimits: 0,
  serverClock: 0,
  archive: 0,
  networkHints: 0,
  noLocks: 0,
  filter: 0,
  permitThrows: 0,
  signIn: 0,
  slowLink: 0,
  nodeMessages: 0,
  bases: 0,
};
