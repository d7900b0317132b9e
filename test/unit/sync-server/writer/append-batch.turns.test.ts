// A node that loses to another node each time, and takes its turn (S20).
import { expect, test } from "vitest";
import { strong, syncServer } from "../../../../src/sync-server/app.ts";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { type Env, runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import type { EventStore, LogTurn } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { task } from "../../../support/board-domain.ts";
import { names, namesDomain, user } from "../../../support/names-domain.ts";
import { person, testServer, tokens } from "../../../support/sync-requests.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

type Beaten = {
  /** Appends of another node, one before each append of this node outside of a turn. */
  readonly other: () => Promise<unknown>;
  /** Null: the store has no turns. @default the work runs with all calls of the store */
  readonly takeTurn?: (<Result>(run: () => Promise<Result>) => Promise<Result>) | null;
};

/** A store on which another node is always faster, except in a turn. `calls` has the appends and the turns. */
function beaten(store: EventStore, { other, takeTurn = (run) => run() }: Beaten) {
  const calls: string[] = [];
  const changed: Partial<EventStore> = {
    append: async (log, append) => {
      calls.push("append");
      await other();
      return store.append(log, append);
    },
    ...(takeTurn && {
      takeTurn: <Result>(_log: string, work: (turn: LogTurn) => Promise<Result>) => {
        calls.push("turn");
        return takeTurn(() => work(store));
      },
    }),
  };
  const proxy = new Proxy(store, {
    get: (target, name: keyof EventStore) => {
      const member = changed[name] ?? (name === "takeTurn" ? undefined : target[name]);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return { store: proxy, calls };
}

function noted(store: EventStore) {
  const bob = person(testServer({ store }), "bob");
  let version = 0;
  return () => bob.push([bob.commit({ ...task.command.note("b", { text: "hm" }), seen: ++version })]);
}

test("appendBatch: a node that loses each time is answered in its turn, after two losses", async () => {
  const inner = memory();
  const bob = person(testServer({ store: inner }), "bob");
  await bob.push([bob.commit(add("b"))]);
  const { store, calls } = beaten(inner, { other: noted(inner) });
  const ada = person(testServer({ store }), "ada");
  for (const id of ["t1", "t2"])
    expect(await ada.outcomes(ada.commit(add(id)))).toMatchObject([{ outcome: "recorded" }]);
  const each = ["append", "append", "turn"];
  expect(calls).toEqual([...each, ...each]);
});

test("appendBatch: without turns, a node reads what another node wrote while it waited", async () => {
  const inner = memory();
  const bob = person(testServer({ store: inner }), "bob");
  await bob.push([bob.commit(add("b"))]);
  const note = noted(inner);
  // Another node appends before two tries, and afterwards while this node waits.
  let tries = 2;
  const { store, calls } = beaten(inner, { other: async () => void (tries++ < 2 && (await note())), takeTurn: null });
  const env: Env = {
    ...runtimeEnv,
    setTimer: (run, delayMs) => runtimeEnv.setTimer(() => void (delayMs < 100 ? note().then(run) : run()), delayMs),
  };
  const ada = person(testServer({ store, env }), "ada");
  // From then on, this node knows an end of the log.
  await ada.push([ada.commit(add("t1"))]);
  tries = 0;
  expect(await ada.outcomes(ada.commit(add("t2")))).toMatchObject([{ outcome: "recorded" }]);
  expect(calls.slice(1)).toEqual(["append", "append", "append"]);
});

test("appendBatch: a turn is planned on the records that other nodes wrote before it", async () => {
  const inner = memory();
  const bob = person(testServer({ store: inner }), "bob");
  await bob.push([bob.commit(add("b"))]);
  const note = noted(inner);
  const { store } = beaten(inner, {
    other: note,
    takeTurn: async (run) => {
      await bob.push([bob.commit(add("t1"))]);
      return run();
    },
  });
  const ada = person(testServer({ store }), "ada");
  expect(await ada.outcomes(ada.commit(add("t1")))).toMatchObject([{ outcome: "rejected", code: "already-added" }]);
});

test("appendBatch: a turn whose end was lost is settled by the ids, and nothing is written twice", async () => {
  const inner = memory();
  const bob = person(testServer({ store: inner }), "bob");
  await bob.push([bob.commit(add("b"))]);
  let turns = 0;
  const { store, calls } = beaten(inner, {
    other: noted(inner),
    takeTurn: async (run) => {
      const result = await run();
      if (turns++ === 0) throw new Error("the connection was lost");
      return result;
    },
  });
  const ada = person(testServer({ store, onError: () => {} }), "ada");
  expect(await ada.outcomes(ada.commit(add("t1")))).toMatchObject([{ outcome: "recorded", at: { position: 4 } }]);
  expect(calls).toEqual(["append", "append", "turn", "turn"]);
  expect((await ada.pull()).records.filter(({ actor }) => actor === "ada")).toHaveLength(1);
});

test("strong: a turn does not wait for rows that are behind, and a round after it does", async () => {
  const inner = memory();
  const node = (store: EventStore, models = [strong(names)]) =>
    syncServer({ domain: namesDomain, store, authorize: bearer({ tokens }), models, liveTicks: false });
  // A node of an older release appends without the rows.
  const older = node(inner, []).log("board");
  await node(inner)
    .log("board")
    .execute(user.command.name("first", { name: "tank" }));
  let n = 0;
  let turn = "";
  const other = () => older.execute(user.command.name(`u${n}`, { name: `name${n++}` }));
  const { store, calls } = beaten(inner, {
    other: () => (calls.length <= 2 ? other() : Promise.resolve()),
    takeTurn: async (run) => {
      await other();
      turn = JSON.stringify(await run());
      return run();
    },
  });
  const log = node(store).log("board");
  expect(await log.execute(user.command.name("ada", { name: "neo" }))).toMatchObject({ outcome: "recorded" });
  expect(turn).toBe('{"kind":"moved"}');
  expect(calls).toEqual(["append", "append", "turn", "append"]);
  expect((await log.rows(names)).rows.map(({ key }) => key)).toEqual(["name0", "name1", "name2", "neo", "tank"]);
});
