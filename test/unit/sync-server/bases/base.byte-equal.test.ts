// The buckets of a base are those of a device that folds the whole log, byte for byte, on each store of Node.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defineDomain } from "dacapo";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { packTables } from "../../../../src/core/fold/packed-tables.ts";
import { type CommitRecord, cursorOf, sameCursor } from "../../../../src/core/history/record.ts";
import { Replica } from "../../../../src/core/replica/replica.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { readPages } from "../../../../src/sync-server/bases/base-pages.ts";
import { Bases } from "../../../../src/sync-server/bases/bases.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { author } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { logOf, NOW, viewOf } from "../../../support/core/scene.ts";
import { push } from "../../../support/core/server-model.ts";
import { until } from "../../../support/device.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { sortedBuckets } from "../../../support/read-base.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { board, column, columnCounts, notes, tally, task, totals } from "../../../support/task-domain.ts";

const handle = defineDomain({
  version: 1,
  aggregates: [column, task, tally],
  projections: [board, columnCounts, notes, totals],
});
const domain = handle.definition;

/** A log that is appended in parts of four records. A base is made after each part. */
const someLog = fc.array(commands, { minLength: 6, maxLength: 20 }).map((list) => {
  const server = logOf(undefined, domain);
  for (const requests of list) {
    const proposed = proposeCommit(domain, viewOf(server), requests, author());
    if ("commit" in proposed) push(server, proposed.commit, NOW);
  }
  return server.records;
});

function replayed(records: readonly CommitRecord[]): readonly string[] {
  const replica = new Replica(domain);
  replica.apply(records, NOW);
  return sortedBuckets(packTables(domain, replica.confirmed));
}

async function comparesWithReplay(store: EventStore, log: string, records: readonly CommitRecord[]): Promise<void> {
  const [env, isBusy] = [runtimeEnv, () => false];
  const report = (error: unknown): void => console.error(error);
  const bases = new Bases({ store, domain, base: { everyEvents: 1 }, env, report, isBusy, ticks: false, turn: null });
  for (let at = 0; at < records.length; at += 4) {
    const part = records.slice(at, at + 4);
    const before = records[at - 1];
    const end = part.at(-1);
    if (!end) return;
    await store.append(log, batch(before ? cursorOf(before) : null, { records: part.map(storedRecord) }));
    bases.appended(log, cursorOf(end));
    await until(
      async () => sameCursor((await bases.newest(log))?.at ?? null, cursorOf(end)),
      `a base at ${end.position}`,
    );
    const base = await bases.newest(log);
    const texts = await Promise.all(
      (base?.notes.pages ?? []).map(async (_, n) => (await bases.page(log, cursorOf(end), n)) ?? ""),
    );
    const tables = readPages(base?.notes.tables ?? [], texts) ?? [];
    expect(sortedBuckets(tables)).toEqual(replayed(records.slice(0, at + 4)));
  }
  await bases.close();
}

test("P31 base: on memory, its buckets are those of a device that folds the whole log", async () => {
  await fc.assert(
    fc.asyncProperty(someLog, (records) => comparesWithReplay(memory(), "board", records)),
    { numRuns: 15 },
  );
});

test("base: on a SQLite file, its buckets are those of a device", async () => {
  const folder = await temporaryFolder();
  const store = sqlite(folder.path("logs.db"));
  let n = 0;
  await fc.assert(
    fc.asyncProperty(someLog, (records) => comparesWithReplay(store, `log${n++}`, records)),
    { numRuns: 5 },
  );
  await store.close();
  await folder.remove();
});

describe.skipIf(!hasPostgres)("base on Postgres", () => {
  const cluster = postgresForTests();

  test("base: on Postgres, its buckets are those of a device", async () => {
    const store = postgres({ url: cluster.url, connectionsMax: 4 });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(someLog, (records) => comparesWithReplay(store, `log${n++}`, records)),
      { numRuns: 3 },
    );
    await store.close();
  });
});
