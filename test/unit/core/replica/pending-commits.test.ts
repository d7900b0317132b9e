/** Pending commits after records that change what they come out as. Each case is one that random steps rarely reach. */
import { describe, expect, test } from "vitest";
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import type { Commit } from "../../../../src/core/history/commit.ts";
import { type CommitRecord, positionOf, type RecordEvent } from "../../../../src/core/history/record.ts";
import { endsCommit, type Replica } from "../../../../src/core/replica/replica.ts";
import { newId } from "../../../support/core/author.ts";
import { commitOn, logOf, NOW, viewOf } from "../../../support/core/scene.ts";

const purse = aggregate("purse", {
  version: 1,
  initial: { total: 0 },
  events: { Added: v.object({ amount: v.number() }), Spent: v.object({ amount: v.number() }), Noted: v.object({}) },
  evolve: {
    Added: ({ total }, { data }) => ({ total: total + data.amount }),
    Spent: ({ total }, { data }) => ({ total: total - data.amount }),
    Noted: (state) => state,
  },
  commands: {
    add: { input: v.object({ amount: v.number() }), decide: (_, given, { emit }) => emit("Added", given) },
    first: {
      input: v.object({ amount: v.number() }),
      decide: (_, given, { emit }) => emit("Added", given),
      onConflict: "reject",
    },
    note: { decide: (_, __, { emit }) => emit("Noted") },
    spend: {
      input: v.object({ amount: v.number() }),
      decide: ({ total }, given, { emit, reject }) =>
        total < given.amount ? reject("too-little") : emit("Spent", given),
    },
  },
});
/** Reads only what was spent, so a record with other events changes no confirmed row. */
const spent = projection("spent", {
  version: 1,
  from: [purse],
  initial: { total: 0 },
  on: { Spent: (row, { data }) => ({ total: row.total + data.amount }) },
});
const { definition } = defineDomain({ version: 1, aggregates: [purse], projections: [spent] });
const { add, first, note, spend } = purse.command;

const emptyDevice = (): Replica => viewOf(logOf([], definition));

/** Adds a commit of an actor behind the pending ones. It has seen the confirmed log only. */
function pend(device: Replica, ...commands: Parameters<typeof commitOn>[3]): Commit {
  const commit = commitOn(definition, device, "ann", commands);
  device.add(commit, NOW);
  return commit;
}

type Given = Pick<RecordEvent, "type" | "stream"> & { readonly amount?: number; readonly v?: number };

/** Applies the record that a commit becomes, or the record of somebody else. */
function arrive(device: Replica, commit: Commit | null, ...events: readonly Given[]): readonly string[] {
  const position = positionOf(device.cursor) + 1;
  const versions = new Map<string, number>();
  const { id, client, actor } = commit ?? { id: newId(), client: newId(), actor: "bob" };
  const record: CommitRecord = {
    position,
    mark: `m${position}`,
    commit: id,
    client,
    actor,
    time: NOW,
    received: NOW,
    meta: null,
    events: events.map(({ type, stream, amount, v: version = 1 }) => {
      const at = (versions.get(stream) ?? device.confirmedVersion(stream)) + 1;
      versions.set(stream, at);
      return { type, v: version, stream, version: at, data: amount === undefined ? {} : { amount } };
    }),
  };
  return device.apply([record], NOW).map(({ commit: one }) => one.id);
}

const ids = (device: Replica) => ({
  pending: device.pending.map(({ commit }) => commit.id),
  doubtful: device.doubtful.map(({ commit }) => commit.id),
});

describe("apply: a record that changes no row changes pending commits", () => {
  test("apply: a doubtful commit shows its rows once another author's event lets it pass", () => {
    const device = emptyDevice();
    const seen = viewOf(logOf([add("p", { amount: 9 })], definition));
    const commit = commitOn(definition, seen, "ann", [spend("p", { amount: 5 })]);
    device.add(commit, NOW);
    expect(ids(device)).toEqual({ pending: [commit.id], doubtful: [commit.id] });
    expect(device.entries("spent")).toEqual([]);
    arrive(device, null, { type: "Added", stream: "purse/p", amount: 5 });
    expect(ids(device)).toEqual({ pending: [commit.id], doubtful: [] });
    expect(device.entries("spent")).toEqual([{ key: "purse/p", row: { total: 5 }, pending: true }]);
  });

  test("apply: a commit that becomes doubtful takes its rows back, and others stay", () => {
    const device = emptyDevice();
    arrive(device, null, { type: "Added", stream: "purse/p", amount: 5 });
    arrive(device, null, { type: "Added", stream: "purse/q", amount: 5 });
    const late = pend(device, first("p", { amount: 1 }), spend("p", { amount: 5 }));
    const other = pend(device, spend("q", { amount: 2 }));
    device.takeDelta();
    arrive(device, null, { type: "Noted", stream: "purse/p" });
    expect(ids(device)).toEqual({ pending: [late.id, other.id], doubtful: [late.id] });
    expect(device.entries("spent")).toEqual([{ key: "purse/q", row: { total: 2 }, pending: true }]);
    expect(device.takeDelta()).toEqual([{ projection: "spent", set: [], removed: ["purse/p"] }]);
  });

  test("apply: a touched row is reported under its projection, and a stream never is", () => {
    const device = emptyDevice();
    arrive(device, null, { type: "Spent", stream: "purse/p", amount: 1 });
    expect(device.takeDelta("all touched").map((delta) => delta.projection)).toEqual(["spent"]);
  });
});

describe("apply: a record that settles a pending commit", () => {
  test("apply: decides an older doubtful commit again when a younger one settles first", () => {
    const device = emptyDevice();
    const seen = viewOf(logOf([add("p", { amount: 9 })], definition));
    const older = commitOn(definition, seen, "ann", [spend("p", { amount: 5 })]);
    device.add(older, NOW);
    const younger = pend(device, add("p", { amount: 5 }));
    expect(ids(device).doubtful).toEqual([older.id]);
    expect(arrive(device, younger, { type: "Added", stream: "purse/p", amount: 5 })).toEqual([younger.id]);
    expect(ids(device)).toEqual({ pending: [older.id], doubtful: [] });
    expect(device.stream("purse/p")).toMatchObject({ version: 2, state: { total: 0 } });
  });

  test("apply: later commits get new versions after an event that left the state as it was", () => {
    const device = emptyDevice();
    const one = pend(device, add("p", { amount: 5 }));
    pend(device, add("p", { amount: 1 }));
    const noted: Given = { type: "Noted", stream: "purse/p" };
    arrive(device, one, noted, { type: "Added", stream: "purse/p", amount: 5 });
    expect(device.pending).toMatchObject([{ forecast: { events: [{ version: 3 }] } }]);
    expect(device.stream("purse/p")).toMatchObject({ version: 3, state: { total: 6 } });
  });

  test("apply: later commits fail on a stream that got an event of a newer release", () => {
    const device = emptyDevice();
    const one = pend(device, note("p"));
    const later = pend(device, add("p", { amount: 1 }));
    arrive(device, one, { type: "Noted", stream: "purse/p", v: 99 });
    expect(ids(device)).toEqual({ pending: [later.id], doubtful: [later.id] });
    expect(device.doubtful).toMatchObject([{ forecast: { defect: { code: "stream-unreadable" } } }]);
  });

  test("apply: compares each stream of the record with the commit's own last event on it", () => {
    const device = emptyDevice();
    const one = pend(device, add("p", { amount: 1 }), add("q", { amount: 5 }));
    pend(device, add("p", { amount: 1 }));
    arrive(
      device,
      one,
      { type: "Added", stream: "purse/p", amount: 5 },
      { type: "Added", stream: "purse/q", amount: 5 },
    );
    expect(device.stream("purse/p")).toMatchObject({ version: 2, state: { total: 6 } });
  });

  test("apply: later commits forget an expected event that the record does not have", () => {
    const device = emptyDevice();
    const one = pend(device, add("p", { amount: 1 }), add("q", { amount: 5 }));
    pend(device, add("q", { amount: 1 }));
    arrive(device, one, { type: "Added", stream: "purse/p", amount: 1 });
    expect(device.pending).toMatchObject([{ forecast: { events: [{ version: 1 }] } }]);
    expect(device.stream("purse/q")).toMatchObject({ version: 1, state: { total: 1 } });
  });

  test("apply: the record of one person is a conflict for another person's commit on the device", () => {
    const device = emptyDevice();
    const anns = commitOn(definition, device, "ann", [add("p", { amount: 1 })]);
    const bobs = commitOn(definition, device, "bob", [first("p", { amount: 2 })]);
    device.add(anns, NOW);
    device.add(bobs, NOW);
    expect(ids(device).doubtful).toEqual([]);
    arrive(device, anns, { type: "Added", stream: "purse/p", amount: 1 });
    expect(device.doubtful).toMatchObject([{ commit: { id: bobs.id }, forecast: { defect: { code: "conflict" } } }]);
  });

  test("apply: a record of another actor under the same id leaves the commit pending", () => {
    const device = emptyDevice();
    const commit = pend(device, add("p", { amount: 1 }));
    const foreign = { ...commit, actor: "bob" };
    expect(arrive(device, foreign, { type: "Added", stream: "purse/p", amount: 1 })).toEqual([]);
    expect(ids(device).pending).toEqual([commit.id]);
    const record = { commit: commit.id, actor: commit.actor } as const;
    const ended = [record, { ...record, actor: "bob" }, { ...record, commit: newId() }].map((one) =>
      endsCommit({ ...settledBy(commit), ...one }, commit),
    );
    expect(ended).toEqual([true, false, false]);
  });
});

function settledBy({ id, client, actor }: Commit): CommitRecord {
  return { position: 1, mark: "m1", commit: id, client, actor, time: NOW, received: NOW, meta: null, events: [] };
}
