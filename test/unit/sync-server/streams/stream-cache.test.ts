// The stream cache makes the server faster, and never changes an outcome.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CommitCommand } from "../../../../src/core/history/commit.ts";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { createStreamCache, type KnownStream } from "../../../../src/sync-server/streams/stream-cache.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { column, domain, task } from "../../../support/board-domain.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const ids = ["t1", "t2"];
const anyCommand: fc.Arbitrary<CommandRequest> = fc.oneof(
  fc.constantFrom(...ids).map((id) => task.command.add(id, { title: "Milk", column: "todo" })),
  fc.constantFrom(...ids).map((id) => task.command.complete(id)),
  fc
    .tuple(fc.constantFrom(...ids), fc.string({ minLength: 1, maxLength: 3 }))
    .map(([id, title]) => task.command.rename(id, { title: title.toWellFormed() })),
  fc.constantFrom(...ids).map((id) => task.command.claim(id, { title: "Mine" })),
  fc.constantFrom(...ids).map((id) => task.command.note(id, { text: "hm" })),
  fc.constantFrom(...ids).map((id) => task.command.move(id, { column: "done" })),
  fc.constantFrom(column.command.add("done", { name: "Done" }), column.command.remove("done")),
);
/** A commit of one of three clients. `seen` is a fraction of the current version. */
const anyCommit = fc.record({
  person: fc.integer({ min: 0, max: 2 }),
  commands: fc.array(
    fc.record({ command: anyCommand, seen: fc.double({ min: 0, max: 1, noNaN: true }), named: fc.boolean() }),
    { minLength: 1, maxLength: 3 },
  ),
});
const anyPushes = fc.array(fc.array(anyCommit, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 });

test("stream cache: two nodes with it decide like a server that starts new for each commit", async () => {
  await fc.assert(
    fc.asyncProperty(anyPushes, async (pushes) => {
      const store = memory();
      const nodes = [testServer({ store }), testServer({ store })] as const;
      let turns = 0;
      const forgetful = memory();
      const clients = [
        ["ada", crypto.randomUUID()],
        ["ada", crypto.randomUUID()],
        ["bob", crypto.randomUUID()],
      ] as const;
      const versions = new Map<string, number>();
      for (const push of pushes) {
        const commits = push.map(({ person: who, commands }) => {
          const [actor, client] = clients[who] ?? clients[0];
          const seenOf = (stream: string, part: number) => ({
            stream,
            seen: Math.floor((versions.get(stream) ?? 0) * part),
          });
          return person(nodes[0], actor, { client }).commit(
            ...commands.map(({ command, seen, named }) => {
              const reads: CommitCommand["reads"] =
                named && command.name === "move" ? [seenOf("column/done", seen)] : [];
              return { ...command, ...seenOf(command.stream, seen), reads };
            }),
          );
        });
        const byActor = Map.groupBy(commits, ({ actor }) => actor);
        for (const [actor, own] of byActor) {
          const node = nodes[turns++ % 3 === 2 ? 1 : 0];
          const once = await person(node, actor).outcomes(...own);
          // A new server for each commit, because it must read everything.
          const each = [];
          for (const commit of own)
            each.push(...(await person(testServer({ store: forgetful }), actor).outcomes(commit)));
          const told = (outcomes: typeof once) =>
            outcomes.map((outcome) => (outcome.outcome === "recorded" ? outcome.at.position : outcome));
          expect(told(once)).toEqual(told(each));
        }
        for (const { events } of (await person(nodes[0], "ada").pull()).records)
          for (const { stream, version } of events) versions.set(stream, version);
      }
      const logs = await Promise.all(
        [nodes[0], testServer({ store: forgetful })].map((server) => person(server, "ada").pull()),
      );
      const [one, other] = logs.map(({ records }) =>
        records.map(({ commit, position, events }) => ({ commit, position, events })),
      );
      expect(one).toEqual(other);
    }),
    { numRuns: 40 },
  );
});

const known = (state: KnownStream["state"]["state"]): KnownStream => ({
  state: { version: 1, state, unreadable: null },
  mark: "m1",
  authors: new Map(),
});
const at = (position: number): Cursor => ({ position, mark: `m${position}` });

test("stream cache: get returns nothing that was folded at another head", () => {
  const cache = createStreamCache();
  cache.put("board", null, at(1), new Map([["task/t1", known(1)]]));
  expect(cache.get("board", at(1)).get("task/t1")?.state.state).toBe(1);
  expect(cache.get("board", at(2)).size).toBe(0);
  expect(cache.get("board", { position: 1, mark: "other" }).size).toBe(0);
  expect(cache.get("other", at(1)).size).toBe(0);
  // The records between the heads are not known, so only states of the new head stay.
  cache.put("board", at(2), at(3), new Map([["task/t2", known(2)]]));
  expect([...cache.get("board", at(3)).keys()]).toEqual(["task/t2"]);
  cache.put("board", at(3), at(4), new Map([["task/t3", known(3)]]));
  expect([...cache.get("board", at(4)).keys()]).toEqual(["task/t2", "task/t3"]);
});

test("stream cache: is bounded in logs, streams and sizes of states", () => {
  const cache = createStreamCache();
  const huge = known(Array.from({ length: 5_000 }, (_, n) => n));
  cache.put(
    "board",
    null,
    at(1),
    new Map([
      ["task/huge", huge],
      ["task/long", known("x".repeat(1_000_000))],
      ["task/small", known(1)],
    ]),
  );
  expect([...cache.get("board", at(1)).keys()]).toEqual(["task/small"]);
  // Above 500 streams, the last 400 stay.
  cache.put("board", at(1), at(2), new Map(Array.from({ length: 2_000 }, (_, n) => [`task/${n}`, known(n)] as const)));
  expect(cache.get("board", at(2)).size).toBe(400);
  expect(cache.get("board", at(2)).has("task/1999")).toBe(true);
  for (let log = 0; log < 300; log++) cache.put(`log-${log}`, null, at(1), new Map([["task/t1", known(1)]]));
  expect(cache.get("board", at(2)).size).toBe(0);
  expect(cache.get("log-299", at(1)).size).toBe(1);
});

test("stream cache: the domain of these tests has a conflict policy of each kind", () => {
  expect(
    new Set(
      [...(domain.definition.aggregates.get("task")?.commands.values() ?? [])].map(({ onConflict }) =>
        typeof onConflict === "string" ? onConflict : "merge",
      ),
    ),
  ).toEqual(new Set(["rebase", "keep", "reject", "merge"]));
});
