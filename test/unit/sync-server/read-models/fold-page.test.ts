// The rows of a read model are those of a device that folds the same records, whatever the pages are.
import fc from "fast-check";
import { expect, test } from "vitest";
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { foldRecord } from "../../../../src/core/fold/fold.ts";
import { ConfirmedRows } from "../../../../src/core/fold/rows.ts";
import { aggregateOf } from "../../../../src/core/values/names.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import {
  foldPage,
  foldStates,
  keysIn,
  stateOf,
  statesChange,
} from "../../../../src/sync-server/read-models/fold-page.ts";
import type { ParkedEvent } from "../../../../src/sync-server/read-models/follower-notes.ts";
import { type ReadModel, readModels, STATES } from "../../../../src/sync-server/read-models/read-model.ts";
import * as tasks from "../../../support/task-domain.ts";
import { author } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { logOf, NOW, viewOf } from "../../../support/core/scene.ts";
import { push } from "../../../support/core/server-model.ts";
import { containing } from "../../../support/matchers.ts";

const domain = tasks.taskDomain.definition;
const all = [tasks.board, tasks.columnCounts, tasks.notes, tasks.totals, tasks.brittle];
const models = [...readModels(domain, all, memory()).values()];

const someLog = fc.array(commands, { minLength: 4, maxLength: 14 }).map((list) => {
  const server = logOf();
  for (const requests of list) {
    const proposed = proposeCommit(domain, viewOf(server), requests, author());
    if ("commit" in proposed) push(server, proposed.commit, NOW);
  }
  return server.records;
});

/** Tables of a follower as texts, which is what a store has. */
class Tables {
  readonly rows = new Map<string, string | null>();
  readonly states = new Map<string, string | null>();
  readonly parked: ParkedEvent[] = [];

  /** Folds a page with only the rows and states that the model names before. */
  fold(model: ReadModel, records: readonly CommitRecord[]): void {
    const folded = foldStates(model, records, (stream) => stateOf(this.states.get(stream)));
    const { changes, parked } = foldPage(model, folded, pick(this.rows, keysIn(model, folded.steps)));
    for (const { table, set, remove } of [...changes, statesChange(model.follower, folded.states)]) {
      const texts = table === STATES ? this.states : this.rows;
      for (const [key, text] of set) texts.set(key, text);
      for (const key of remove) texts.delete(key);
    }
    this.parked.push(...parked);
  }
}

function pick(texts: ReadonlyMap<string, string | null>, keys: readonly string[]): Map<string, string | null> {
  return new Map(keys.flatMap((key) => (texts.has(key) ? [[key, texts.get(key) ?? null]] : [])));
}

function sorted(rows: Iterable<readonly [string, unknown]>): string {
  return JSON.stringify([...rows].sort(([left], [right]) => (left < right ? -1 : 1)));
}

test("foldPage: rows, states and parked events are those of a device, for pages of any size", () => {
  fc.assert(
    fc.property(someLog, fc.integer({ min: 1, max: 5 }), (records, size) => {
      const device = new ConfirmedRows(domain, () => {});
      for (const record of records) foldRecord(domain, device, record);
      for (const model of models) {
        const tables = new Tables();
        for (let n = 0; n < records.length; n += size) tables.fold(model, records.slice(n, n + size));
        const texts = [...(device.tables.get(model.name) ?? [])].map(
          ([key, row]) => [key, JSON.stringify(row)] as const,
        );
        expect(sorted(tables.rows), model.name).toBe(sorted(texts));
        const states = [...device.streams]
          .filter(([stream]) => model.projection.from.has(aggregateOf(stream)))
          .map(([stream, state]) => [stream, JSON.stringify(state)] as const);
        expect(sorted(tables.states), model.name).toBe(sorted(states));
        const parked = device.parked.filter(
          ({ projection: by, stream }) =>
            by === model.name || (by === null && model.projection.from.has(aggregateOf(stream))),
        );
        expect(tables.parked.map(({ event }) => event)).toEqual(parked.map(({ event }) => event));
      }
    }),
    { numRuns: 60 },
  );
});

const big = aggregate("big", {
  version: 1,
  initial: { size: 0 },
  events: { Grown: v.object({ size: v.number() }) },
  evolve: { Grown: (_, { data }) => data },
  commands: { grow: { input: v.object({ size: v.number() }), decide: (_, input, { emit }) => emit("Grown", input) } },
});
const texts = projection("texts", {
  version: 1,
  from: [big],
  initial: null as { text: string; others: number } | null,
  key: ({ stream }) => [stream, "all"],
  on: {
    Grown: (row, { data, key }) => ({
      text: key === "all" ? "" : "x".repeat(data.size),
      others: (row?.others ?? 0) + 1,
    }),
  },
});
const bigDomain = defineDomain({ version: 1, aggregates: [big] }).definition;

const grown = (position: number, size: number): CommitRecord => ({
  ...author(),
  position,
  mark: `m${position}`,
  commit: `00000000-0000-7000-8000-00000000000${position}`,
  received: NOW,
  time: NOW,
  meta: null,
  events: [{ type: "Grown", v: 1, stream: "big/a", version: position, data: { size } }],
});

test("foldPage: an event that makes a row larger than 1 MiB is parked, and the next is folded", () => {
  const [model] = readModels(bigDomain, [texts], memory()).values();
  if (!model) throw new Error("There is no model");
  const tables = new Tables();
  tables.fold(model, [grown(1, 3), grown(2, 1024 * 1024), grown(3, 5)]);
  expect(tables.rows).toEqual(
    new Map([
      ["big/a", '{"text":"xxxxx","others":2}'],
      ["all", '{"text":"","others":2}'],
    ]),
  );
  expect(tables.parked).toEqual([
    {
      event: `${grown(2, 0).commit}:0`,
      stream: "big/a",
      position: 2,
      reason: containing("1048576 bytes"),
    },
  ]);
});

test("foldPage: an event whose row JSON would change is parked, for pages of any size", () => {
  const odd = [new Map([["a", 1]]), new Date(0), Number.NaN, { at: new Date(0) }, new Error("x"), () => 1, Symbol("s")];
  for (const row of odd) {
    const projected = projection("odd", {
      version: 1,
      from: [big],
      initial: null as unknown,
      on: { Grown: () => row },
    });
    const [model] = readModels(bigDomain, [projected], memory()).values();
    if (!model) throw new Error("There is no model");
    const [once, twice] = [new Tables(), new Tables()];
    once.fold(model, [grown(1, 3), grown(2, 3)]);
    twice.fold(model, [grown(1, 3)]);
    twice.fold(model, [grown(2, 3)]);
    expect([once.rows, twice.rows]).toEqual([new Map(), new Map()]);
    expect(once.parked).toEqual(twice.parked);
    expect(once.parked).toHaveLength(2);
    expect(once.parked[0]?.reason).toContain("The row big/a of odd is not JSON");
  }
});

test("foldPage: a tombstone stays, also if later events touch its key", () => {
  const [model] = readModels(bigDomain, [texts], memory()).values();
  if (!model) throw new Error("There is no model");
  const tables = new Tables();
  tables.fold(model, [grown(1, 3)]);
  tables.rows.set("all", null);
  tables.fold(model, [grown(2, 4)]);
  expect(tables.rows.get("all")).toBeNull();
  expect(tables.rows.get("big/a")).toBe('{"text":"xxxx","others":2}');
});

test("foldPage: a handler that writes into an event or a state parks the event", () => {
  const counter = aggregate("counter", {
    version: 1,
    initial: { n: 0 },
    events: { Counted: v.object({ by: v.number() }) },
    evolve: { Counted: (state, { data }) => ({ n: state.n + data.by }) },
    commands: {},
  });
  const write = (target: object, key: string): void => void Reflect.apply(Object.assign, null, [target, { [key]: 99 }]);
  const careless = projection("careless", {
    version: 1,
    from: [counter],
    initial: null as { n: number } | null,
    on: {
      Counted: (_, { after, data }) => {
        write(after.n % 2 === 0 ? data : after, "n");
        return { n: after.n };
      },
    },
  });
  const own = defineDomain({ version: 1, aggregates: [counter] }).definition;
  const records = [1, 2].map((n): CommitRecord => ({
    position: n,
    mark: "0123456789abcdef",
    commit: `01998f00-0000-7000-8000-00000000000${n}`,
    client: "01998f00-0000-7000-8000-0000000000ff",
    actor: "ada",
    time: NOW,
    received: NOW,
    meta: null,
    events: [{ stream: "counter/c1", version: n, type: "Counted", v: 1, data: { by: 1 } }],
  }));
  const model = readModels(own, [careless], memory()).get("careless");
  if (!model) throw new Error("no model");
  const tables = new Tables();
  tables.fold(model, records);
  expect(tables.parked).toHaveLength(2);
  expect([...tables.states.values()].map(stateOf)).toEqual([{ version: 2, state: { n: 2 }, unreadable: null }]);
});
