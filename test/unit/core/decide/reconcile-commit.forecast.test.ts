/** What a device shows before the server has spoken: its forecast, which the server confirms where nothing else comes first. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aggregate, defineDomain, event } from "dacapo";
import * as v from "valibot";
import type { Commit } from "../../../../src/core/history/commit.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { isExpected } from "../../../../src/core/decide/reconcile-commit.ts";
import { Replica } from "../../../../src/core/replica/replica.ts";
import { column, tally, task } from "../../../support/task-domain.ts";
import { author } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { add, commitOn, logOf, made, NOW, pushed, viewOf } from "../../../support/core/scene.ts";
import { push } from "../../../support/core/server-model.ts";

/** `keep` and merges stand on what an author's earlier commits became, which he expected otherwise. */
const standsOnEarlier = (commit: Commit) =>
  commit.commands.some(({ name }) => ["note", "checklist", "rename", "add"].includes(name));

describe("a forecast of an honest author who knows the whole log", () => {
  test("is what the server then says, event for event and word for word", () => {
    let compared = 0;
    fc.assert(
      fc.property(
        fc.array(commands, { minLength: 1, maxLength: 6 }),
        fc.array(commands, { maxLength: 6 }),
        (mine, theirs) => {
          const server = logOf();
          const device = viewOf(server);
          const known = server.records.length;
          for (const requests of mine) {
            const proposed = proposeCommit(server.domain, device, requests, author("ann"));
            if ("commit" in proposed) device.add(proposed.commit, NOW);
          }
          for (const requests of theirs) {
            const proposed = proposeCommit(server.domain, viewOf(server), requests, author("bob"));
            if ("commit" in proposed) push(server, proposed.commit, NOW);
          }
          device.apply(server.records.slice(known), NOW);
          let asMeant = true;
          const pairs: { readonly forecast: unknown; readonly said: unknown }[] = [];
          for (const { commit, forecast } of device.pending) {
            const outcome = push(server, commit, NOW);
            const said =
              outcome.kind === "events"
                ? { events: outcome.events }
                : { commandIndex: outcome.commandIndex, defect: outcome.defect };
            if (asMeant || !standsOnEarlier(commit)) pairs.push({ forecast, said });
            // What comes after a guess that missed stands on it, if only by the versions of its events.
            else if (!isDeepStrictEqual(forecast, said)) break;
            asMeant &&= outcome.kind === "events" && isExpected(commit, outcome.events);
          }
          compared += pairs.length;
          expect(pairs.map((pair) => pair.forecast)).toEqual(pairs.map((pair) => pair.said));
        },
      ),
      { numRuns: 300 },
    );
    expect(compared).toBeGreaterThan(300);
  });
});

describe("a command that the server decides with its own time", () => {
  test("is shown with a guess, which is made anew when records arrive", () => {
    const server = logOf();
    const device = viewOf(server);
    device.add(commitOn(server.domain, device, "ann", [task.command.stamp("t1")]), NOW);
    expect(device.stream("task/t1").state).toMatchObject({ stampedAt: NOW });
    const known = server.records.length;
    add(server, "bob", task.command.note("t1", { text: "x" }));
    device.apply(server.records.slice(known), NOW + 60_000);
    expect(device.stream("task/t1").state).toMatchObject({ stampedAt: NOW + 60_000, notes: 1 });
  });
});

describe("a new release of the app", () => {
  test("that no longer knows an aggregate or a command shows what waits for it as doubtful, and goes on with all else", () => {
    const server = logOf();
    const commits = [
      tally.command.add("a", { amount: 1 }),
      task.command.complete("t1"),
      task.command.note("t1", { text: "kept" }),
    ].map((one) => made(server, "ann", [one]));
    const { complete: _, ...known } = Object.fromEntries(task.definition.commands);
    const smaller = {
      ...server.domain,
      aggregates: new Map([
        ["task", { ...task.definition, commands: new Map(Object.entries(known)) }],
        ["column", column.definition],
      ]),
    };
    const device = new Replica(smaller);
    device.apply(server.records, NOW);
    for (const commit of commits) device.add(commit, NOW);
    expect(device.doubtful.map(({ forecast }) => forecast)).toMatchObject([
      { defect: { code: "unknown-aggregate" } },
      { defect: { code: "unknown-command" } },
    ]);
    expect(device.stream("task/t1").state).toMatchObject({ done: false, notes: 1 });
  });

  const events = v.object({ title: v.string() });
  const noteDomain = (upcast: ((old: { title: string }) => { title: string; size: number }) | null) => {
    const note = aggregate("note", {
      version: 1,
      initial: null as { title: string } | null,
      events: {
        Written: upcast ? event(events).next(v.object({ title: v.string(), size: v.number() }), upcast) : events,
      },
      evolve: { Written: (_, { data }) => ({ ...data }) },
      commands: {
        write: {
          input: events,
          decide: (_, given, { emit }) => emit("Written", upcast ? { ...given, size: 1 } : given),
          onConflict: "keep",
        },
      },
    });
    return { note, domain: defineDomain({ version: 1, aggregates: [note] }).definition };
  };

  test("reads what an older one left pending, its events brought to today's form", () => {
    const { device } = openWithNewer((old) => ({ ...old, size: old.title.length }));
    expect(device.pending[0]?.forecast).toMatchObject({
      events: [{ type: "Written", v: 2, data: { title: "mine", size: 4 } }],
    });
  });

  test("decides again where its upcast throws, and goes on with all else", () => {
    const { device } = openWithNewer(() => {
      throw new Error("cannot be read any more");
    });
    // Bob's event cannot be read either: the stream says so, and nothing throws.
    expect(device.pending[0]?.forecast).toMatchObject({ defect: { code: "stream-unreadable" } });
  });

  test("decides again where only the pending events cannot be read", () => {
    const { device } = openWithNewer((old) => {
      if (old.title === "mine") throw new Error("cannot be read any more");
      return { ...old, size: 0 };
    });
    expect(device.pending[0]?.forecast).toMatchObject({
      events: [{ type: "Written", v: 2, data: { title: "mine", size: 1 } }],
    });
  });

  /** A commit that was made with the old release, and is opened with the new one after Bob came first. */
  function openWithNewer(upcast: (old: { title: string }) => { title: string; size: number }) {
    const older = noteDomain(null);
    const server = logOf([], older.domain);
    const commit = made(server, "ann", [older.note.command.write("n1", { title: "mine" })]);
    pushed(server, made(server, "bob", [older.note.command.write("n1", { title: "theirs" })]));
    const device = new Replica(noteDomain(upcast).domain);
    device.apply(server.records, NOW);
    device.recall(server.records, [commit]);
    device.add(commit, NOW);
    return { device };
  }
});
