/** Other authors' events since a pending commit was made: each once, in order, and only as long as needed. */
import { describe, expect, test } from "vitest";
import { aggregate, defineDomain } from "dacapo";
import * as v from "valibot";
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
});
