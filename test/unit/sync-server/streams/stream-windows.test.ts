// The streams that a commit is decided on: only needed streams are read, and a bug of Dacapo never rejects a commit.
import * as v from "valibot";
import { parseOwnJson } from "../../../support/own-json.ts";
import { expect, test, vi } from "vitest";
import { aggregate, defineDomain } from "dacapo";
import type { AggregateDefinition, DomainDefinition, EventDefinition } from "../../../../src/core/domain/definition.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { column, domain, task } from "../../../support/board-domain.ts";
import { person, type Seen, testServer } from "../../../support/sync-requests.ts";

const seen = (version: number, command: Seen): Seen => ({ ...command, seen: version });
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const note = seen(1, task.command.note("t1", { text: "hm" }));
const rename = seen(1, task.command.rename("t1", { title: "Oat milk" }));
const move = { ...seen(1, task.command.move("t1", { column: "done" })), reads: [{ stream: "column/done", seen: 1 }] };

/** Bob pushes a commit to Ada's board. Returns the reads of stored streams that deciding it needs. */
async function readsFor(commands: readonly Seen[], others: readonly Seen[]): Promise<readonly string[]> {
  const store = memory();
  const ada = person(testServer({ store }), "ada");
  await ada.push([ada.commit(column.command.add("done", { name: "Done" }), add("t1"))]);
  if (others.length > 0) await ada.push([ada.commit(...others)]);
  // A new server, because its stream cache is empty.
  const bob = person(testServer({ store }), "bob");
  const reads = vi.spyOn(store, "readStream");
  await bob.push([bob.commit(...commands)]);
  return reads.mock.calls.map(([, stream, after]) => `${stream} after ${after}`).toSorted();
}

/** The reads of one whole stream. The second one finds its end. */
const current = ["task/t1 after 0", "task/t1 after 1"];

test.each<readonly [string, readonly Seen[], readonly string[]]>([
  ["rebase", [seen(1, task.command.complete("t1"))], current],
  ["reject", [seen(1, task.command.claim("t1", { title: "Mine" }))], current],
  ["keep", [note], current],
  ["a merge", [rename], current],
  ["two of keep", [note, note], current],
  ["a command that reads", [move], [...current, "column/done after 0", "column/done after 1"]],
])("reconcile: reads only current states if no other author came first: %s", async (_, commands, expected) => {
  expect(await readsFor(commands, [])).toEqual(expected.toSorted());
});

const whole = ["task/t1 after 0", "task/t1 after 2"];
const since = ["task/t1 after 1", "task/t1 after 2"];

test.each<readonly [string, readonly Seen[], readonly string[]]>([
  ["rebase", [seen(1, task.command.complete("t1"))], whole],
  ["rebase, and rejected", [seen(1, add("t1"))], [...whole, "task/t1 after 1"]],
  ["reject", [seen(1, task.command.claim("t1", { title: "Mine" }))], [...whole, ...since]],
  ["keep", [note], [...whole, ...since, ...whole]],
  ["a merge", [rename], [...whole, ...since, ...whole]],
  ["keep twice", [note, note], [...whole, ...since, ...whole]],
  ["keep, of an author who saw all", [seen(2, note)], whole],
])("reconcile: reads what the author saw only if keep or a merge conflicts: %s", async (_, commands, expected) => {
  expect(await readsFor(commands, [seen(1, task.command.complete("t1"))])).toEqual(expected.toSorted());
});

test("reconcile: a commit that begins many streams reads only those that have events", async () => {
  const added = Array.from({ length: 50 }, (_, n) => add(`new-${n}`));
  expect(await readsFor([...added, seen(1, task.command.complete("t1"))], [])).toEqual(current);
});

/** The board with another `task`. Its getters stay getters. */
function boardWith(change: Partial<AggregateDefinition>): { readonly definition: DomainDefinition } {
  const aggregates = new Map([...domain.definition.aggregates, ["task", { ...task.definition, ...change }]]);
  return { definition: { ...domain.definition, aggregates } };
}

/** A command `complete` with one property changed. */
function completeWith(change: PropertyDescriptorMap): Partial<AggregateDefinition> {
  const complete = task.definition.commands.get("complete");
  if (!complete) throw new Error("There is no command complete");
  return { commands: new Map([...task.definition.commands, ["complete", Object.create(complete, change)]]) };
}

const bug = { fixed: false };
function fail(): void {
  if (!bug.fixed) throw new TypeError("planted");
}

/** Faults outside every function of the app: in the first and in the last step of deciding `complete`. */
const faults: Readonly<Record<string, Partial<AggregateDefinition>>> = {
  commitNeeds: completeWith({ time: { get: () => (fail(), "author") } }),
  reconcileCommit: {
    events: new (class extends Map<string, EventDefinition> {
      override get(type: string) {
        if (type === "TaskCompleted") fail();
        return super.get(type);
      }
    })(task.definition.events),
  },
};

test.each(Object.keys(faults))("reconcile: a bug in %s is reported, and rejects no commit", async (step) => {
  bug.fixed = false;
  const reported: unknown[] = [];
  const server = testServer({ domain: boardWith(faults[step] ?? {}), onError: (error) => reported.push(error) });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([ada.commit(add("t1"))]);
  const [noted, completed] = [bob.commit(note), bob.commit(seen(1, task.command.complete("t1")))];

  // The push stops before the commit with the fault. Another push of the same batch goes through.
  const [refused, taken] = await Promise.all([
    bob.request("commits", { after: null, domain: 1, commits: [noted, completed] }),
    ada.outcomes(ada.commit(add("t2"))),
  ]);
  expect(refused.status).toBe(200);
  expect(parseOwnJson<unknown>(await refused.text())).toMatchObject({
    outcomes: [{ id: noted.id, outcome: "recorded" }],
    stopped: { id: completed.id, code: "undecided" },
  });
  expect(taken).toMatchObject([{ outcome: "recorded" }]);
  expect(reported).toMatchObject([{ code: "bug", details: { commit: completed.id }, cause: { message: "planted" } }]);

  bug.fixed = true;
  expect(await bob.outcomes(noted, completed)).toMatchObject([{ outcome: "recorded" }, { outcome: "recorded" }]);
  expect(reported).toHaveLength(1);
});

test("reconcile: an app's function that throws rejects its commit, and is no bug of Dacapo", async () => {
  const thrower = (): never => {
    throw new Error("the app's own");
  };
  const reported: unknown[] = [];
  for (const name of ["parse", "reads", "decide"]) {
    const changed = boardWith(completeWith({ [name]: { value: thrower } }));
    const server = testServer({ domain: changed, onError: (error) => reported.push(error) });
    const ada = person(server, "ada");
    await ada.push([ada.commit(add("t1"))]);
    expect(await ada.outcomes(ada.commit(seen(1, task.command.complete("t1"))))).toMatchObject([
      { outcome: "rejected", code: "command-failed", message: "Error: the app's own" },
    ]);
  }
  expect(reported).toEqual([]);
});

const meter = aggregate("meter", {
  version: 1,
  initial: { total: 0 },
  events: { Added: v.object({ amount: v.number() }) },
  evolve: { Added: ({ total }, { data }) => ({ total: total + data.amount }) },
  commands: {
    add: { input: v.object({ amount: v.number() }), decide: (_, given, { emit }) => emit("Added", given) },
    copy: {
      input: v.object({ from: v.string() }),
      reads: { other: ["self", ({ from }) => from] },
      decide: (_, __, { emit, other }) => emit("Added", { amount: other.total }),
      onConflict: "keep",
    },
  },
});

test.each([
  ["nobody wrote to", [], 0],
  ["only its author wrote to", ["ada"], 1],
  ["only others wrote to", ["bob", "bob"], 0],
  ["both wrote to", ["ada", "bob", "ada"], 2],
] as const)(
  "reconcile: a read without a name sees only its author's events: a stream that %s",
  async (_, by, amount) => {
    const server = testServer({ domain: defineDomain({ version: 1, aggregates: [meter] }) });
    const authors = { ada: person(server, "ada"), bob: person(server, "bob") };
    for (const actor of by) await authors[actor].push([authors[actor].commit(meter.command.add("a", { amount: 1 }))]);
    const copy = authors.ada.commit(meter.command.copy("b", { from: "a" }));
    const { records } = await authors.ada.push([copy]);
    expect(records.at(-1)?.events).toMatchObject([{ stream: "meter/b", data: { amount } }]);
  },
);

const places = aggregate("places", {
  version: 1,
  initial: [] as readonly (number | null)[],
  events: { Noted: v.object({ seen: v.array(v.nullable(v.number())) }) },
  evolve: { Noted: (state, { position }) => [...state, position] },
  commands: {
    note: { input: v.object({}), decide: (state, _, { emit }) => emit("Noted", { seen: [...state] }) },
  },
});

test("reconcile: decides on the positions of the log, within a batch and from the store", async () => {
  const store = memory();
  const placesOnly = defineDomain({ version: 1, aggregates: [places] });
  const noteTwice = [places.command.note("p", {}), places.command.note("p", {})];
  const server = testServer({ store, domain: placesOnly });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([ada.commit(...noteTwice)]);
  // Both pushes are in one batch.
  await Promise.all([ada.push([ada.commit(...noteTwice)]), bob.push([bob.commit(...noteTwice)])]);
  // A new server folds the stored records.
  const { records } = await person(testServer({ store, domain: placesOnly }), "bob").push([bob.commit(...noteTwice)]);
  const all = records.flatMap(({ events }) => events.map(({ data }) => data));
  expect(all).toEqual(Array.from({ length: 8 }, (_, n) => ({ seen: Array.from({ length: n }, (__, m) => m + 1) })));
});
