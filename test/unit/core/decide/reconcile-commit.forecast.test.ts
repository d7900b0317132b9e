/** A device's forecast: the outcome that it shows before the server has decided. */
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

/** `keep` and merges depend on the outcomes of the author's earlier commits, which he may have expected differently. */
const standsOnEarlier = (commit: Commit) =>
  commit.commands.some(({ name }) => ["note", "checklist", "rename", "add"].includes(name));

describe("forecast: an honest author who knows the whole log", () => {
  test("forecast: equals the server's outcome, event for event", () => {
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
            // A commit after a wrong forecast depends on it, at least by the versions of its events.
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

describe("forecast: a command that the server decides with its own time", () => {
  test("forecast: uses the device's time, and a new one when records arrive", () => {
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

describe("forecast: a new release of the app", () => {
  test("forecast: a commit for a removed aggregate or command is doubtful, all others are not", () => {
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

  test("forecast: upcasts the expected events of a commit from an older release", () => {
    const { device } = openWithNewer((old) => ({ ...old, size: old.title.length }));
    expect(device.pending[0]?.forecast).toMatchObject({
      events: [{ type: "Written", v: 2, data: { title: "mine", size: 4 } }],
    });
  });

  test("forecast: a stream whose upcast throws is unreadable, and nothing throws", () => {
    const { device } = openWithNewer(() => {
      throw new Error("cannot be read any more");
    });
    // Bob's event cannot be read either, so the stream is unreadable.
    expect(device.pending[0]?.forecast).toMatchObject({ defect: { code: "stream-unreadable" } });
  });

  test("forecast: decides again if only the expected events cannot be upcast", () => {
    const { device } = openWithNewer((old) => {
      if (old.title === "mine") throw new Error("cannot be read any more");
      return { ...old, size: 0 };
    });
    expect(device.pending[0]?.forecast).toMatchObject({
      events: [{ type: "Written", v: 2, data: { title: "mine", size: 1 } }],
    });
  });

  /** A commit of the old release, opened with the new release after Bob's commit came first. */
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
