// Three servers on one Postgres whose devices write to one log at the same time.
import { afterEach, describe, expect, test } from "vitest";
import { positionOf } from "../../../../src/core/history/record.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { task } from "../../../support/board-domain.ts";
import { taskAdded } from "../../../support/filled-log.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { runningServer } from "../../../support/running-server.ts";
import type { Person } from "../../../support/sync-requests.ts";

const NODES = 3;
const DEVICES = 24;
const PUSHES = 5;

const { start, stopAll } = runningServer();
const cluster = postgresForTests();
let schemas = 0;
afterEach(stopAll);

/** Three servers on one new schema, and a store on the same tables. */
async function nodes(): Promise<{ readonly people: readonly Person[]; readonly store: EventStore }> {
  const schema = `n${++schemas}`;
  const open = () => postgres({ url: cluster.url, schema, connectionsMax: 4 });
  const people: Person[] = [];
  for (let n = 0; n < NODES; n++) people.push((await start({ store: open(), onError: () => {} })).person("ada"));
  return { people, store: open() };
}

/** Appends to the log as fast as the database can, so that each other writer loses each time. */
function fastWriter(store: EventStore): () => Promise<number> {
  let isOver = false;
  let appended = 0;
  const loop = (async () => {
    while (!isOver) {
      const found = await store.head("board");
      const head = found.kind === "open" ? found.cursor : null;
      const records = [storedRecord(taskAdded(positionOf(head) + 1))];
      if ((await store.append("board", batch(head, { records }))).kind === "ok") appended++;
    }
  })();
  return async () => {
    isOver = true;
    await loop;
    return appended;
  };
}

describe.skipIf(!hasPostgres)("nodes on Postgres", () => {
  test("appendBatch: each push to three nodes gets its answer while another writer is faster", async () => {
    const { people, store } = await nodes();
    const stops = [fastWriter(store), fastWriter(store)];
    const devices = Array.from({ length: DEVICES }, async (_, d) => {
      const person = people[d % NODES];
      for (let n = 0; n < PUSHES; n++) {
        const commit = person?.commit(task.command.add(`d${d}-${n}`, { title: "Milk", column: "todo" }));
        expect(await person?.outcomes(commit)).toMatchObject([{ outcome: "recorded" }]);
      }
    });
    const results = await Promise.allSettled(devices);
    for (const stop of stops) expect(await stop()).toBeGreaterThan(0);
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
    await store.close();
  });

  test("appendBatch: three nodes lose and double no answered commit if Postgres restarts", async () => {
    const { people, store } = await nodes();
    const recorded = new Map<string, number>();
    let refused = 0;
    let isRestarting = true;
    const push = async (person: Person, id: string): Promise<void> => {
      const commit = person.commit(task.command.add(id, { title: "Milk", column: "todo" }));
      for (;;) {
        const response = await person.request("commits", { after: null, domain: 1, commits: [commit] });
        if (response.ok) return void recorded.set(commit.id, (recorded.get(commit.id) ?? 0) + 1);
        refused++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const devices = Array.from({ length: DEVICES }, async (_, d) => {
      const person = people[d % NODES];
      for (let n = 0; person && (n < PUSHES || isRestarting); n++) await push(person, `d${d}-${n}`);
    });
    for (let restarts = 0; restarts < 2; restarts++) {
      const before = recorded.size;
      await expect.poll(() => recorded.size).toBeGreaterThan(before + DEVICES);
      await cluster.restart();
    }
    isRestarting = false;
    await Promise.all(devices);
    expect(refused).toBeGreaterThan(0);
    const page = await store.read("board", null, { events: 10_000, bytes: 10_000_000 });
    const commits = page.kind === "page" ? page.records.map(({ commit }) => commit) : [];
    expect(commits.toSorted()).toEqual([...recorded.keys()].toSorted());
    await store.close();
  });
});
