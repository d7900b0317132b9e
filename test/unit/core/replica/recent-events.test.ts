/** Other authors' events since a pending commit was made: each once, in order, and only as long as needed. */
import { describe, expect, test } from "vitest";
import { aggregate, defineDomain, event } from "dacapo";
import * as v from "valibot";
import type { Replica } from "../../../../src/core/replica/replica.ts";
import { RecentEvents } from "../../../../src/core/replica/recent-events.ts";
import { add, eventsFrom, logOf, made, NOW, viewOf } from "../../../support/core/scene.ts";

const story = aggregate("story", {
  version: 1,
  initial: null,
  events: { Told: v.object({ text: v.string() }) },
  evolve: { Told: () => null },
  commands: {
    tell: {
      input: v.object({ text: v.string() }),
      decide: (_, given, { emit }) => emit("Told", given),
      onConflict: ({ theirs, emit }) => emit("Told", { text: theirs.map(({ data }) => data.text).join(" ") }),
    },
    retell: {
      input: v.object({ of: v.string() }),
      reads: { other: ["self", ({ of }) => of] },
      decide: (_, { of }, { emit }) => emit("Told", { text: of }),
    },
  },
});
const { definition } = defineDomain({ version: 1, aggregates: [story] });
const tell = (text: string) => story.command.tell("s", { text });

describe("recall: the events that a merge gets", () => {
  test("recall: a merge gets each event once and in order, after a second recall too", () => {
    const server = logOf([], definition);
    const older = made(server, "ann", [tell("older")]);
    add(server, "bob", tell("one"));
    const device = viewOf(server);
    const newer = made(server, "ann", [tell("newer")]);
    device.add(newer, NOW);
    add(server, "bob", tell("two"));
    device.apply(server.records.slice(1), NOW);
    // The store contains another tab's commit, with a cursor from before both events.
    device.recall(server.records, [older]);
    device.add(older, NOW);
    expect(device.pending.map(({ forecast }) => forecast)).toMatchObject([
      { events: [{ data: { text: "two" } }] },
      { events: [{ data: { text: "one two" } }] },
    ]);
    expect(eventsFrom(server, older)).toMatchObject([{ data: { text: "one two" } }]);
  });
});

describe("forget: the events that another pending commit needs", () => {
  const forecasts = (device: Replica) => device.pending.map(({ forecast }) => forecast);

  test("remove: a commit that has seen less keeps its conflicts", () => {
    const server = logOf([], definition);
    const gone = made(server, "ann", [tell("gone")]);
    const less = made(server, "ann", [tell("less")]);
    const device = viewOf(server);
    for (const commit of [gone, less]) device.add(commit, NOW);
    for (const text of ["one", "two"]) add(server, "bob", tell(text));
    device.apply(server.records, NOW);
    device.add(made(server, "ann", [tell("more")]), NOW);
    device.remove(new Set([gone.id]), NOW);
    expect(forecasts(device)).toMatchObject([
      { events: [{ data: { text: "one two" } }] },
      { events: [{ data: { text: "more" } }] },
    ]);
  });

  test("remove: a commit of an older release that names no read leaves others their conflicts", () => {
    const server = logOf([], definition);
    const gone = made(server, "ann", [tell("gone")]);
    const mine = made(server, "ann", [tell("mine")]);
    const retold = made(server, "ann", [story.command.retell("copy", { of: "s" })]);
    const device = viewOf(server);
    const older = { ...retold, commands: retold.commands.map((command) => ({ ...command, reads: [] })) };
    for (const commit of [gone, mine, older]) device.add(commit, NOW);
    add(server, "bob", tell("one"));
    device.apply(server.records, NOW);
    device.remove(new Set([gone.id]), NOW);
    expect(forecasts(device)[0]).toMatchObject({ events: [{ data: { text: "one" } }] });
  });
});

describe("RecentEvents: events that are kept", () => {
  const records = logOf(
    Array.from({ length: 20 }, (_, n) => tell(`${n + 1}`)),
    definition,
  ).records;
  const versions = (recent: RecentEvents) => recent.since("story/s").map(({ version }) => version);
  const watching = () => {
    const recent = new RecentEvents(definition);
    recent.watch(made(logOf([], definition), "ann", [tell("mine")]));
    return recent;
  };

  test("RecentEvents: keeps events only of watched streams", () => {
    const recent = new RecentEvents(definition);
    for (const record of records) recent.remember(record);
    expect(versions(recent)).toEqual([]);
  });

  test("RecentEvents: keeps each event once and in order, however often it is added", () => {
    const recent = watching();
    for (const record of [...records.slice(10), ...records, ...records.slice(5, 15)]) recent.remember(record);
    expect(versions(recent)).toEqual(records.map((_, n) => n + 1));
  });

  test("RecentEvents: forgets events that every pending commit has seen", () => {
    const recent = watching();
    for (const record of records) recent.remember(record);
    recent.forget("story/s", 17);
    expect(versions(recent)).toEqual([18, 19, 20]);
    recent.forget("story/s", null);
    for (const record of records) recent.remember(record);
    expect(versions(recent)).toEqual([]);
  });

  test("RecentEvents: forgets only events that were seen, none of them or all of them", () => {
    const recent = watching();
    for (const record of records) recent.remember(record);
    recent.forget("story/unknown", 3);
    recent.forget("story/s", 0);
    expect(versions(recent)).toEqual(records.map((_, n) => n + 1));
    recent.forget("story/s", 20);
    expect(versions(recent)).toEqual([]);
  });

  test("RecentEvents: keeps the latest 10,000 events of a stream", () => {
    const recent = watching();
    const [record] = records;
    const [first] = record?.events ?? [];
    if (!record || !first) throw new Error("The log is empty");
    const events = Array.from({ length: 10_003 }, (_, n) => ({ ...first, version: n + 1 }));
    for (const one of events) recent.remember({ ...record, events: [one] });
    expect([recent.since("story/s").length, versions(recent)[0]]).toEqual([10_000, 4]);
  });

  test("RecentEvents: a merge gets an event of an older release in the form of this one", () => {
    const Told = event(v.object({ text: v.string() })).next(v.object({ words: v.array(v.string()) }), ({ text }) => ({
      words: text.split(" "),
    }));
    const newer = aggregate("story", { version: 2, initial: null, events: { Told }, evolve: { Told: () => null } });
    const recent = new RecentEvents(defineDomain({ version: 2, aggregates: [newer] }).definition);
    recent.watch(made(logOf([], definition), "ann", [tell("mine")]));
    for (const record of logOf([tell("one two")], definition).records) recent.remember(record);
    expect(recent.since("story/s")).toMatchObject([{ data: { words: ["one", "two"] } }]);
  });
});
