// The turns of the Postgres store when a connection, a statement or Postgres itself fails.
import { afterEach, describe, expect, test } from "vitest";
import type { EventStore, LogTurn } from "../../../../src/sync-server/stores/event-store.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { batch, commitId, readAll, recordsAfter, write } from "../../../../src/testing/event-store/samples.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";

const cluster = postgresForTests();
let schemas = 0;
const opened: EventStore[] = [];

function open(connectionsMax = 4, schema = `t${schemas}`): EventStore {
  const store = postgres({ url: cluster.url, schema, connectionsMax });
  opened.push(store);
  return store;
}

function takeTurn<Result>(store: EventStore, log: string, work: (turn: LogTurn) => Promise<Result>): Promise<Result> {
  if (!store.takeTurn) throw new Error("The store has no turns");
  return store.takeTurn(log, work);
}

describe.skipIf(!hasPostgres)("postgres", () => {
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    schemas++;
  });

  test("takeTurn: if Postgres restarts in a turn, the turn fails and loses nothing", async () => {
    const store = open();
    const head = await write(store, "log", null, { commit: 1 });
    const records = recordsAfter(head, [{ commit: 2 }]);
    const turn = takeTurn(store, "log", async (own) => {
      expect(await own.append("log", batch(head, { records }))).toEqual({ kind: "ok" });
      await cluster.restart();
    });
    await expect(turn).rejects.toMatchObject({ code: "storage-lost", retry: "later" });
    expect(await readAll(store, "log")).toHaveLength(1);
    expect(await takeTurn(store, "log", (own) => own.append("log", batch(head, { records })))).toEqual({ kind: "ok" });
    expect((await readAll(store, "log")).map(({ commit }) => commit)).toEqual([commitId(1), commitId(2)]);
  });

  test("takeTurn: work that hides a failed statement is not reported as written", async () => {
    const store = open();
    const head = await write(store, "log", null, { commit: 1 });
    const turn = takeTurn(store, "log", async (own) => {
      const result = await own.append("log", batch(head, { records: recordsAfter(head, [{ commit: 2 }]) }));
      // Postgres accepts no text with this character, so the statement fails.
      await own.head("a\0b").catch(() => {});
      return result;
    });
    await expect(turn).rejects.toMatchObject({ code: "storage-lost" });
    expect(await store.head("log")).toEqual({ kind: "open", cursor: head });
  });

  test("takeTurn: a node that sends nothing keeps the log from the others for ten seconds at most", async () => {
    const [store, other] = [open(), open()];
    const head = await write(store, "log", null, { commit: 1 });
    const [begun, never] = [Promise.withResolvers<null>(), Promise.withResolvers<null>()];
    const turn = takeTurn(store, "log", async (own) => {
      begun.resolve(null);
      await never.promise;
      return own.head("log");
    });
    await begun.promise;
    const records = recordsAfter(head, [{ commit: 2 }]);
    expect(await other.append("log", batch(head, { records }))).toEqual({ kind: "ok" });
    never.resolve(null);
    await expect(turn).rejects.toMatchObject({ code: "storage-lost", retry: "later" });
  });

  test("takeTurn: reads at the same time use the connection of the turn one after the other", async () => {
    const store = open();
    const head = await write(store, "log", null, { commit: 1 });
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    try {
      const reads = await takeTurn(store, "log", (own) =>
        Promise.all([own.head("log"), own.read("log", head, { events: 1, bytes: 1 }), own.written("log", ["a", "b"])]),
      );
      expect(reads[0]).toEqual({ kind: "open", cursor: head });
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings).toEqual([]);
    } finally {
      process.off("warning", onWarning);
    }
  });

  test("takeTurn: turns on many logs all end, if each node has one connection for them", async () => {
    const nodes = [open(1), open(1), open(2)];
    const logs = Array.from({ length: 6 }, (_, n) => `log${n}`);
    for (const log of logs) await write(nodes[0] ?? open(), log, null, { commit: 0, mark: "m0" });
    const turns = nodes.flatMap((node, n) =>
      (n % 2 ? logs : logs.toReversed()).flatMap((log) =>
        [1, 2].map((k) =>
          takeTurn(node, log, async (own) => {
            const found = await own.head(log);
            const head = found.kind === "open" ? found.cursor : null;
            const records = recordsAfter(head, [{ commit: 10 * n + k }]);
            // A turn does not keep the other calls of its node waiting.
            if (k === 1) await node.head(log);
            return own.append(log, batch(head, { records }));
          }),
        ),
      ),
    );
    expect(new Set((await Promise.all(turns)).map(({ kind }) => kind))).toEqual(new Set(["ok"]));
    for (const log of logs) expect(await readAll(nodes[1] ?? open(), log)).toHaveLength(7);
  });
});
