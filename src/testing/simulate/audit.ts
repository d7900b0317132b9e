/**
 * The audit at the end of a run, which gathers the state of all stores as plain data for the history checker.
 *
 * It reads with the product's stores, and checks only what the history checker cannot see.
 */
import { readConfirmed } from "../../client/engine/confirmed-records.ts";
import { positionOf } from "../../core/history/record.ts";
import { memoryLogStore } from "../../client/stores/memory-log-store.ts";
import type { Device } from "./device.ts";
import { checkHistory } from "./history-checker.ts";
import type { FinalDevice, FinalLog, FinalOutcome, History } from "./journal.ts";
import { HOSTILE, USERS, type World } from "./world.ts";
import { parseOwnJson } from "../../core/values/json.ts";

const EVERYTHING = { events: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };

export async function auditWorld(world: World): Promise<string[]> {
  const history = await gather(world);
  return [
    ...world.tap.problems,
    ...world.witness.problems,
    ...world.reported.map((text) => `the server failed: ${text}`),
    ...hostileGain(world, history),
    ...checkHistory(history, world.options.domains.newest),
  ];
}

async function gather(world: World): Promise<History> {
  const { journal, tap, options } = world;
  const logs: FinalLog[] = [];
  for (const log of world.logs()) logs.push(await finalLog(world, log));
  const devices: FinalDevice[] = [];
  for (const device of world.devices) devices.push(await finalDevice(device));
  return {
    journal: journal.entries,
    logs,
    devices,
    outcomes: await finalOutcomes(world),
    pushed: tap.pushed,
    pushedAsks: [...world.witness.pushedAsks],
    empty: tap.empty,
    honest: USERS,
    hostile: HOSTILE,
    doubles: options.plan.faults.doubling > 0,
    oneRelease: options.plan.faults.releases === 0 || options.domains.previous === null,
  };
}

async function finalLog({ store }: World, log: string): Promise<FinalLog> {
  const read = await store.inner.read(log, null, EVERYTHING);
  return { log, gone: read.kind === "gone", records: read.kind === "page" ? read.records.map(({ text }) => text) : [] };
}

async function finalDevice(device: Device): Promise<FinalDevice> {
  const { name, log, user } = device.options;
  const store = memoryLogStore(device.database);
  const records: string[] = [];
  for await (const run of readConfirmed(store, 0)) records.push(...run.map((record) => JSON.stringify(record)));
  const { pending, head, base } = await store.refresh({ position: 0, pendingTail: 0 });
  const rejections = await store.readRejections();
  return {
    name,
    log,
    actor: user,
    client: head.client,
    isCopy: device.isCopy,
    skipsStuck: device.whenStuck === "skip",
    evicted: device.evicted,
    base: positionOf(base),
    records,
    pending: pending.map(({ commit }) => commit.id),
    rejections: rejections.map(({ commit }) => commit.id),
    leftBehind: device.leftBehind,
    tabs: device.running.map(({ owner, domain, tables }) => ({
      name: owner.name,
      domain,
      rows: [...tables].flatMap(([projection, table]) =>
        [...table.values()].map((entry) => ({ projection, ...entry })),
      ),
    })),
  };
}

async function finalOutcomes({ journal, store }: World): Promise<FinalOutcome[]> {
  const logOf = new Map(
    journal.entries.flatMap((entry) =>
      entry.kind === "asked" || entry.kind === "askedBack" ? [[entry.ask, entry.log] as const] : [],
    ),
  );
  const outcomes: FinalOutcome[] = [];
  for (const entry of journal.entries) {
    const log = entry.kind === "acknowledged" ? logOf.get(entry.ask) : undefined;
    if (entry.kind !== "acknowledged" || log === undefined) continue;
    const known = (await store.inner.known(log, [entry.commit])).get(entry.commit);
    if (known?.record) outcomes.push({ commit: entry.commit, log, actor: known.record.actor, text: null });
    for (const kept of known?.outcomes ?? []) outcomes.push({ commit: entry.commit, log, ...kept });
  }
  return outcomes;
}

/** Only the author of a commit may get the outcome "recorded" for it. */
function hostileGain(world: World, { logs }: History): string[] {
  if (world.restored) return [];
  const records = logs.flatMap((log) =>
    log.records.map((text) => parseOwnJson<{ readonly commit: string; readonly actor: string }>(text)),
  );
  return world.squatted.flatMap((id) => {
    const record = records.find(({ commit }) => commit === id);
    return record && record.actor !== HOSTILE
      ? [`8: the hostile member was told that ${id} of ${record.actor} is recorded`]
      : [];
  });
}
