/** The cost of a record for a device with many pending commits. Counted in decisions, because they take the time. */
import { beforeEach, describe, expect, test } from "vitest";
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import type { Json } from "../../../../src/core/values/json.ts";
import { type CommitRecord, positionOf } from "../../../../src/core/history/record.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import type { Replica } from "../../../../src/core/replica/replica.ts";
import { author, newId } from "../../../support/core/author.ts";
import { commitOn, logOf, NOW, viewOf } from "../../../support/core/scene.ts";

const PENDING = 200;

let decisions = 0;

const counter = aggregate("counter", {
  version: 1,
  initial: { total: 0, at: 0 },
  events: { Added: v.object({ amount: v.number() }), Stamped: v.object({ at: v.number() }) },
  evolve: {
    Added: (state, { data }) => ({ ...state, total: state.total + data.amount }),
    Stamped: (state, { data }) => ({ ...state, at: data.at }),
  },
  commands: {
    add: {
      input: v.object({ amount: v.number() }),
      decide: (_, given, { emit }) => {
        decisions++;
        return emit("Added", given);
      },
    },
    copy: {
      input: v.object({ from: v.string() }),
      reads: { other: ["self", ({ from }) => from] },
      decide: (_, __, { emit, other }) => {
        decisions++;
        return emit("Added", { amount: other.total });
      },
    },
    stamp: {
      decide: (_, __, { emit, time }) => {
        decisions++;
        return emit("Stamped", { at: time });
      },
      time: "server",
    },
  },
});
const sum = projection("sum", {
  version: 1,
  from: [counter],
  initial: { total: 0 },
  key: () => "all",
  on: { Added: (row, { data }) => ({ total: row.total + data.amount }) },
});
const { definition } = defineDomain({ version: 1, aggregates: [counter], projections: [sum] });

/** A device with many pending commits: each on its own stream, or all on one. */
function busyDevice(stream: (n: number) => string): Replica {
  const device = viewOf(logOf([], definition));
  for (let n = 0; n < PENDING; n++)
    device.add(commitOn(definition, device, "ann", [counter.command.add(stream(n), { amount: 1 })]), NOW);
  return device;
}

function foreign(device: Replica, stream: string, amount: number): CommitRecord {
  return record(device, { commit: newId(), client: newId(), actor: "bob" }, [{ stream, amount }]);
}

/** The record that the first pending commit becomes. */
function own(device: Replica, amount: number): CommitRecord {
  const [first] = device.pending;
  if (!first) throw new Error("nothing is pending");
  const { commit } = first;
  return record(
    device,
    { commit: commit.id, client: commit.client, actor: commit.actor },
    commit.commands.map(({ stream }) => ({ stream, amount })),
  );
}

function record(
  device: Replica,
  author: Pick<CommitRecord, "commit" | "client" | "actor">,
  events: readonly { readonly stream: string; readonly amount: number }[],
): CommitRecord {
  const position = positionOf(device.cursor) + 1;
  const placed = events.map(({ stream, amount }) => ({
    type: "Added",
    v: 1,
    stream,
    version: device.confirmedVersion(stream) + 1,
    data: { amount },
  }));
  return { position, mark: `m${position}`, ...author, time: NOW, received: NOW, meta: null, events: placed };
}

const total = (device: Replica): Json | undefined => device.entry("sum", "all")?.row;

beforeEach(() => {
  decisions = 0;
});

describe("apply: decisions for one record with many pending commits", () => {
  test("apply: a record on a stream without pending commits costs no decision", () => {
    const device = busyDevice((n) => `c${n}`);
    decisions = 0;
    for (let n = 0; n < 10; n++) device.apply([foreign(device, "counter/other", 7)], NOW);
    expect(decisions).toBe(0);
    expect(total(device)).toEqual({ total: PENDING + 70 });
  });

  test.each([
    ["on streams of their own", (n: number) => `c${n}`],
    ["all on one stream", () => "c"],
  ])("apply: a record that settles the first commit as expected costs no decision, %s", (_, stream) => {
    const device = busyDevice(stream);
    decisions = 0;
    for (let n = 0; n < PENDING; n++) device.apply([own(device, 1)], NOW);
    expect(decisions).toBe(0);
    expect([device.pending, total(device), positionOf(device.cursor)]).toEqual([[], { total: PENDING }, PENDING]);
  });

  test("apply: a record costs one decision for each commit on its stream", () => {
    const device = busyDevice((n) => `c${n % 10}`);
    decisions = 0;
    device.apply([foreign(device, "counter/c3", 7)], NOW);
    expect(decisions).toBe(PENDING / 10);
  });

  test("apply: a record unlike the forecast costs one decision for each later commit", () => {
    const device = busyDevice(() => "c");
    decisions = 0;
    device.apply([own(device, 5)], NOW);
    expect(decisions).toBe(PENDING - 1);
    expect(device.stream("counter/c")).toMatchObject({ version: PENDING, state: { total: PENDING - 1 + 5 } });
  });

  test("apply: a record costs one decision for each commit that depends on its stream", () => {
    const device = busyDevice((n) => `c${n}`);
    device.add(commitOn(definition, device, "ann", [counter.command.copy("d", { from: "c0" })]), NOW);
    device.add(commitOn(definition, device, "ann", [counter.command.copy("e", { from: "d" })]), NOW);
    decisions = 0;
    device.apply([foreign(device, "counter/c0", 7)], NOW);
    expect(decisions).toBe(3);
    expect([device.stream("counter/d").state, device.stream("counter/e").state]).toMatchObject([
      { total: 8 },
      { total: 8 },
    ]);
  });

  test("apply: a record costs one decision for each commit that needs the receiver's time", () => {
    const device = busyDevice((n) => `c${n}`);
    device.add(commitOn(definition, device, "ann", [counter.command.stamp("late")]), NOW);
    decisions = 0;
    device.apply([foreign(device, "counter/other", 7)], NOW + 5);
    expect(decisions).toBe(1);
    expect(device.stream("counter/late").state).toMatchObject({ at: NOW + 5 });
  });
});

describe("decisions that a replica saves", () => {
  test("add: a commit with its decision costs no second one, now or with a later record", () => {
    const device = viewOf(logOf([], definition));
    const proposed = proposeCommit(definition, device, [counter.command.add("c", { amount: 1 })], author());
    if ("defect" in proposed) throw new Error("Refused");
    decisions = 0;
    device.add(proposed.commit, NOW, proposed.decided);
    device.apply([foreign(device, "counter/other", 7)], NOW);
    expect(decisions).toBe(0);
    expect(total(device)).toEqual({ total: 8 });
  });

  test("apply: a record that decided commits again costs the next record nothing", () => {
    const device = busyDevice(() => "c");
    device.apply([foreign(device, "counter/c", 7)], NOW);
    decisions = 0;
    device.apply([foreign(device, "counter/other", 7)], NOW);
    expect(decisions).toBe(0);
  });

  test("apply, remove: nothing to apply or to remove decides no timed commit again", () => {
    const device = viewOf(logOf([], definition));
    device.add(commitOn(definition, device, "ann", [counter.command.stamp("late")]), NOW);
    decisions = 0;
    device.apply([], NOW + 5);
    device.remove(new Set([newId()]), NOW + 5);
    expect(decisions).toBe(0);
  });
});

describe("apply: decisions for a page of many records", () => {
  test("apply: a page costs each pending commit at most one decision", () => {
    const device = busyDevice(() => "c");
    const page: CommitRecord[] = [];
    for (let n = 0; n < 500; n++)
      page.push({
        ...foreign(device, "counter/c", 1),
        position: n + 1,
        mark: `m${n + 1}`,
        events: [{ type: "Added", v: 1, stream: "counter/c", version: n + 1, data: { amount: 1 } }],
      });
    decisions = 0;
    device.apply(page, NOW);
    expect(decisions).toBe(PENDING);
    expect(device.stream("counter/c").state).toMatchObject({ total: PENDING + 500 });
  });
});
