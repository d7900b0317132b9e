/**
 * Runs the plan of a seed.
 *
 *   steps with faults ──► heal ──► wait until quiet ──► stuck streams, audit, a device leaves ──► problems
 *
 * Guarantees:
 * - The same plan has the same trace and the same problems, on every machine (runSeed: the same seed makes the same
 *   picks).
 */
import { positionOf, sameCursor } from "../../core/history/record.ts";
import { auditWorld } from "./audit.ts";
import { countCommits } from "./journal.ts";
import type { CommandMaker, CommitCounts, SimulateDomains } from "./options.ts";
import type { SimulationParts } from "./parts.ts";
import type { Plan } from "./plan.ts";
import { someoneLeaves, wrongPresence } from "./presence.ts";
import { tryHints } from "./try-hints.ts";
import { tryStuckStreams } from "./laggards.ts";
import { drain, nature } from "./scheduler.ts";
import { reopen, signIn, takeStep, thaw } from "./steps.ts";
import { World } from "./world.ts";

export type RunOptions = {
  readonly domains: SimulateDomains;
  readonly commands: CommandMaker;
  readonly parts: SimulationParts;
  readonly keepTrace: boolean;
};

export type RunResult = {
  readonly problems: readonly string[];
  readonly trace: readonly string[];
  readonly traceHash: string;
  readonly commits: CommitCounts;
  readonly picks: number;
  readonly virtualMs: number;
};

/**
 * Virtual time after healing in which all tabs must become quiet. It is ten times the longest wait between two
 * attempts.
 */
const QUIET_MS_MAX = 10 * 60_000;

export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  const world = new World({ ...options, plan });
  const { scheduler } = world;
  await drain();
  const problems: string[] = [];
  try {
    for (const step of plan.steps) {
      await takeStep(world, step);
      await drain();
      await scheduler.runFor(step.gapMs);
    }
    await heal(world);
    const isGone = await goneLogs(world);
    problems.push(...(await becomeQuiet(world, isGone)));
    world.failing.clear();
    problems.push(...(await tryStuckStreams(world, isGone)));
    // A push that was under way may be permitted now.
    problems.push(...(await becomeQuiet(world, isGone)));
    problems.push(...(await auditWorld(world)));
    problems.push(...(await someoneLeaves(world, isGone)));
    problems.push(...(await tryHints(world)));
  } catch (error) {
    problems.push(`the simulation failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  end(world);
  return {
    problems,
    trace: scheduler.trace,
    traceHash: scheduler.traceHash,
    commits: countCommits(world.journal.entries),
    picks: scheduler.picks,
    virtualMs: scheduler.now,
  };
}

/** Ends all faults, restores all rights, and opens a tab on each device. */
async function heal(world: World): Promise<void> {
  const { scheduler, nodes, devices, options } = world;
  world.healed = true;
  scheduler.note("the world is healed");
  world.revoked.clear();
  for (const node of nodes)
    if (!node.isUp || node.domain !== options.domains.newest) node.start(options.domains.newest);
  for (const device of devices) {
    device.cutUntil = { up: 0, down: 0 };
    device.fullUntil = 0;
    // Reload pages of an older release and pages whose storage was deleted.
    device.giveServer();
    for (const tab of device.tabs)
      if (device.evicted || !tab.isSynced || tab.domain !== (device.keepsRelease ?? options.domains.newest))
        device.kill(tab);
    for (const tab of device.tabs) if (world.random.chance(0.5)) thaw(world, tab);
    if (device.running.length === 0) {
      if (device.tabs.length > 2) for (const tab of device.tabs) device.kill(tab);
      reopen(world, device);
    }
    for (const tab of device.running) {
      if (tab.paused) tab.setPaused(false);
    }
  }
  // A tab without its right stops until a person returns to it. This happens several times, because an old response may
  // be late.
  for (const delayMs of options.plan.faults.rights > 0 ? [0, 20_000, 60_000] : []) {
    scheduler.later(nature, "people look", delayMs, () =>
      devices.forEach((device) => device.running.forEach((tab) => tab.look())),
    );
  }
  // Some filters and failures end. Then commits that were stuck get through, behind commits that overtook them.
  for (const { filtered } of devices) if (filtered.size > 0 && world.random.chance(0.5)) filtered.clear();
  if (world.failing.size > 0 && world.random.chance(0.5)) world.failing.clear();
  for (const device of devices) if (!device.isSignedIn) signIn(device, world.random);
  withdrawStuck(world);
  await scheduler.runFor(2_000);
}

/** People withdraw the commits that do not get through. Without their names, such a device never becomes quiet. */
function withdrawStuck(world: World): void {
  const { filter, permitThrows } = world.options.plan.faults;
  if (filter + permitThrows === 0) return;
  for (const { running } of world.devices)
    for (const tab of running.slice(0, 1)) if (tab.status?.stuck) tab.withdraw(tab.status.stuck.commit);
  world.scheduler.later(nature, "people look for stuck commits", 5_000, () => withdrawStuck(world));
}

async function goneLogs(world: World): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  for (const log of world.logs()) if ((await world.store.inner.head(log)).kind === "gone") gone.add(log);
  return gone;
}

/** Returns what is still restless after the longest time. */
async function becomeQuiet(world: World, gone: ReadonlySet<string>): Promise<string[]> {
  const isQuiet = () => restlessTabs(world, gone).next().done === true;
  if (await world.scheduler.runUntil(isQuiet, quietMsMax(world))) return [];
  return [...restlessTabs(world, gone)].map(
    (what) => `6/10: not quiet after ${quietMsMax(world) / 60_000} minutes: ${what}`,
  );
}

/** A log that takes seconds on other links takes minutes on a slow one. */
function quietMsMax(world: World): number {
  return QUIET_MS_MAX * (world.strengthInPlan("slowLink") > 0 ? 6 : 1);
}

function* restlessTabs(world: World, gone: ReadonlySet<string>): Generator<string> {
  for (const device of world.devices) {
    const { log, name } = device.options;
    if (device.running.length === 0) yield `${name} has no open tab`;
    yield* wrongPresence(world, device);
    if (gone.has(log)) continue;
    const head = world.store.headOf(log);
    const stored = device.database.open();
    // The generation mark does not count, because it is no commit.
    const pending = stored.pending.size - (stored.pending.has(stored.mark) ? 1 : 0);
    const isCurrent = pending === 0 && sameCursor(stored.head.cursor, head);
    for (const { owner, status, open } of device.running) {
      if (!status || status.pending > 0 || !isCurrent || status.position !== positionOf(head) || open > 0) {
        const counts = `${status?.pending ?? "?"} pending, position ${status?.position ?? "?"} of ${positionOf(head)}`;
        const connection = `${status?.connection ?? ""}${status?.leader ? ", leader" : ""}`;
        yield `${owner.name}: ${counts}, ${open} open calls, ${connection} ${status?.error?.message ?? ""}`;
      }
    }
  }
}

function end(world: World): void {
  for (const { owner } of world.nodes) owner.state = "dead";
  for (const device of world.devices) for (const tab of device.tabs) tab.owner.state = "dead";
}
