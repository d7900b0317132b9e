/** What a record costs a device with much pending work, in decisions: they are what takes time. */
import { beforeEach, describe, expect, test } from "vitest";
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import type { Json } from "../../../../src/core/values/json.ts";
import { type CommitRecord, positionOf } from "../../../../src/core/history/record.ts";
import type { Replica } from "../../../../src/core/replica/replica.ts";
import { newId } from "../../../support/core/author.ts";
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

/** A device with much pending: one commit on each of its streams, or all on one. */
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

describe("with much pending, a record costs", () => {
  test("no decision where it touches what nobody waits on, even if a row is shared by all", () => {
    const device = busyDevice((n) => `c${n}`);
    decisions = 0;
    for (let n = 0; n < 10; n++) device.apply([foreign(device, "counter/other", 7)], NOW);
    expect(decisions).toBe(0);
    expect(total(device)).toEqual({ total: PENDING + 70 });
  });

  test.each([
    ["on streams of their own", (n: number) => `c${n}`],
    ["all on one stream", () => "c"],
  ])("no decision where it ends the first commit as expected, %s", (_, stream) => {
    const device = busyDevice(stream);
    decisions = 0;
    for (let n = 0; n < PENDING; n++) device.apply([own(device, 1)], NOW);
    expect(decisions).toBe(0);
    expect([device.pending, total(device), positionOf(device.cursor)]).toEqual([[], { total: PENDING }, PENDING]);
  });

  test("one decision for each commit on the stream that it changes", () => {
    const device = busyDevice((n) => `c${n % 10}`);
    decisions = 0;
    device.apply([foreign(device, "counter/c3", 7)], NOW);
    expect(decisions).toBe(PENDING / 10);
  });

  test("one decision for each commit behind it, where it ends the first otherwise than expected", () => {
    const device = busyDevice(() => "c");
    decisions = 0;
    device.apply([own(device, 5)], NOW);
    expect(decisions).toBe(PENDING - 1);
    expect(device.stream("counter/c")).toMatchObject({ version: PENDING, state: { total: PENDING - 1 + 5 } });
  });

  test("one decision for each commit that reads the stream, and for those that share a stream with it", () => {
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

  test("one decision for each commit that asks for the time", () => {
    const device = busyDevice((n) => `c${n}`);
    device.add(commitOn(definition, device, "ann", [counter.command.stamp("late")]), NOW);
    decisions = 0;
    device.apply([foreign(device, "counter/other", 7)], NOW + 5);
    expect(decisions).toBe(1);
    expect(device.stream("counter/late").state).toMatchObject({ at: NOW + 5 });
  });
});

describe("a page of many records", () => {
  test("costs each pending commit one decision at most, however many records it has", () => {
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
