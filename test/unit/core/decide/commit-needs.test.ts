/** The needs of a commit: reconcile reads them and nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commitNeeds, seenOf } from "../../../../src/core/decide/commit-needs.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { reconcileCommit, type StreamWindow } from "../../../../src/core/decide/reconcile-commit.ts";
import type { Commit } from "../../../../src/core/history/commit.ts";
import { column, tally, task } from "../../../support/task-domain.ts";
import { author } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { oddDomain } from "../../../support/core/odd-domain.ts";
import { logOf, made, NOW, viewOf } from "../../../support/core/scene.ts";
import { authorityWindow, decideOn, push, type ServerModel } from "../../../support/core/server-model.ts";

/** Reconciles with the needs alone: events up to the lowest `seen` are left out, anything else throws. */
function decideOnNeeds({ domain, records }: ServerModel, commit: Commit, limit = commitNeeds(domain, commit)) {
  const authored = new Set(limit.authored.map(({ stream, seen }) => `${stream} ${seen}`));
  const window = (stream: string): StreamWindow => {
    if (!limit.streams.has(stream)) throw new Error(`${stream} is not in the needs`);
    const whole = authorityWindow(domain, records, commit, stream);
    const from = limit.seen.get(stream) ?? whole.current.version;
    return {
      current: whole.current,
      from,
      since: whole.since.filter(({ version }) => version > from),
      authored: (seen) => {
        if (!authored.has(`${stream} ${seen}`)) throw new Error(`${stream} as seen at ${seen} is not in the needs`);
        return whole.authored?.(seen) ?? expect.fail("the server model has no authored state");
      },
    };
  };
  return reconcileCommit(domain, commit, { mode: "server", now: NOW, window, prepared: limit.prepared });
}

/** A log of several authors, and a commit that one of them made in between. Its claims may be false. */
const scene = fc
  .record({
    before: fc.array(commands, { maxLength: 5 }),
    mine: commands,
    after: fc.array(commands, { maxLength: 5 }),
    seen: fc.option(fc.integer({ min: 0, max: 9 })),
    isNamed: fc.boolean(),
  })
  .map(({ before, mine, after, seen, isNamed }) => {
    const server = logOf();
    const append = (list: typeof before, who: string) => {
      for (const requests of list) {
        const proposed = proposeCommit(server.domain, viewOf(server), requests, author(who));
        if ("commit" in proposed) push(server, proposed.commit, NOW);
      }
    };
    append(before, "bob");
    const proposed = proposeCommit(server.domain, viewOf(server), mine, author("ann"));
    append(after, "bob");
    append(after, "ann");
    if ("defect" in proposed) return { server, commit: null };
    const claimed = proposed.commit.commands.map((command, n) => ({
      ...command,
      seen: seen === null ? command.seen : seen + n,
      reads: isNamed ? command.reads : [],
    }));
    return { server, commit: { ...proposed.commit, commands: claimed } };
  });

describe("commitNeeds: reconcile on the needs alone", () => {
  test("reconcileCommit: decides on the needs as on the whole log, whatever the author claims", () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(scene, ({ server, commit }) => {
        if (!commit) return;
        const whole = decideOn(server.domain, server.records, commit, NOW);
        expect(decideOnNeeds(server, commit)).toEqual(whole);
        kinds.add(whole.kind === "rejected" ? whole.defect.kind : whole.kind);
      }),
      { numRuns: 400 },
    );
    expect([...kinds]).toEqual(expect.arrayContaining(["events", "domain", "conflict"]));
  });

  test("reconcileCommit: throws with the needs of another commit", () => {
    const server = logOf();
    const [moved, completed] = [task.command.move("t1", { column: "done" }), task.command.complete("t1")].map((one) =>
      made(server, "ann", [one]),
    );
    if (!moved || !completed) return expect.fail("no commits");
    const { streams } = commitNeeds(server.domain, completed);
    const { prepared, seen, guarded, authored, isTimed } = commitNeeds(server.domain, moved);
    expect(() => decideOnNeeds(server, moved, { streams, seen, guarded, authored, isTimed, prepared })).toThrow(
      "column/done is not in the needs",
    );
  });
});

describe("commitNeeds: what each command adds", () => {
  const needsOf = (commit: Commit) => commitNeeds(logOf().domain, commit);
  const server = logOf();

  test("commitNeeds: contains streams that are written, named as read, or read without a name", () => {
    const commit = made(server, "ann", [
      task.command.move("t1", { column: "done" }),
      tally.command.copy("b", { from: "a" }),
    ]);
    const { streams, seen } = needsOf(commit);
    expect(streams).toEqual(new Set(["task/t1", "column/done", "tally/b", "tally/a"]));
    expect(seen).toEqual(new Map([...streams].map((stream) => [stream, stream === "tally/b" ? 0 : 1])));
    const unnamed = { ...commit, commands: commit.commands.map((command) => ({ ...command, reads: [] })) };
    expect(needsOf(unnamed).streams).toEqual(streams);
    expect([...needsOf(unnamed).seen.keys()]).toEqual(["task/t1", "tally/b"]);
  });

  test.each([
    ["rebase", task.command.complete("t1"), []],
    ["reject", task.command.remove("t1"), []],
    ["keep", task.command.note("t1", { text: "x" }), [{ stream: "task/t1", seen: 1 }]],
    ["a merge", task.command.rename("t1", { title: "x" }), [{ stream: "task/t1", seen: 1 }]],
  ])("commitNeeds: lists a stream as its author saw it for keep and a merge only: %s", (_, request, authored) => {
    expect(needsOf(made(server, "ann", [request])).authored).toEqual(authored);
  });

  test.each([
    ["rebase", task.command.move("t1", { column: "done" }), undefined, []],
    ["rebase, in an undo", task.command.move("t1", { column: "done" }), "reject" as const, ["task/t1", "column/done"]],
    ["reject", task.command.remove("t1"), undefined, ["task/t1"]],
    ["keep that reads", tally.command.copy("b", { from: "a" }), undefined, ["tally/b", "tally/a"]],
  ])(
    "commitNeeds: guards the streams of a command that other events may change: %s",
    (_, request, onConflict, streams) => {
      const commit = made(server, "ann", [request]);
      expect(needsOf({ ...commit, ...(onConflict && { onConflict }) }).guarded).toEqual(new Set(streams));
    },
  );

  test("commitNeeds: keeps the lowest seen of a stream, and each pair to author on once", () => {
    const commit = made(
      server,
      "ann",
      ["a", "b", "c"].map((text) => task.command.note("t1", { text })),
    );
    const claimed = commit.commands.map((command, n) => ({ ...command, seen: [3, 1, 3][n] ?? 0 }));
    const { seen, authored } = needsOf({ ...commit, commands: claimed });
    expect(seen).toEqual(new Map([["task/t1", 1]]));
    expect(authored).toEqual([
      { stream: "task/t1", seen: 3 },
      { stream: "task/t1", seen: 1 },
    ]);
  });

  test("commitNeeds: a command that cannot be decided needs only the streams that it names", () => {
    const [command] = made(server, "ann", [task.command.move("t1", { column: "done" })]).commands;
    if (!command) return expect.fail("no command");
    const commit = made(server, "ann", [column.command.remove("done")]);
    const broken = { ...commit, commands: [{ ...command, reads: [], input: { column: 1 } }, ...commit.commands] };
    expect(needsOf(broken).streams).toEqual(new Set(["task/t1", "column/done"]));
    expect(needsOf(broken).prepared).toMatchObject([{ defect: { code: "invalid-input" } }, { ready: {} }]);
  });

  test("commitNeeds: calls an app's reads once, so that reconcile reads the same streams", () => {
    let calls = 0;
    const { odd, domain } = oddDomain({ decide: () => [{ type: "Did", data: 1 }] });
    const commit = made(logOf([], domain), "ann", [odd.command.do("o1")]);
    const command = domain.aggregates.get("odd")?.commands.get("do");
    if (!command) return expect.fail("no command");
    const reads = () => ({ other: `odd/other-${++calls}` });
    const impure = {
      ...domain,
      aggregates: new Map([["odd", { ...odd.definition, commands: new Map([["do", { ...command, reads }]]) }]]),
    };
    expect(decideOnNeeds({ domain: impure, records: [], outcomes: new Map() }, commit)).toMatchObject({
      kind: "events",
    });
    expect(calls).toBe(1);
  });

  test("commitNeeds: says whether a command needs the receiver's time", () => {
    expect(needsOf(made(server, "ann", [task.command.stamp("t1")])).isTimed).toBe(true);
    expect(needsOf(made(server, "ann", [task.command.complete("t1")])).isTimed).toBe(false);
  });
});

test("seenOf: returns the version of that stream alone, the lowest if it is named twice, or 0", () => {
  const read = (stream: string, seen: number) => ({ stream, seen });
  const command = { stream: "task/t1", seen: 9, name: "x", v: 1, events: [] };
  const reads = [read("column/a", 3), read("column/b", 5), read("column/b", 4)];
  const seen = ["task/t1", "column/a", "column/b", "column/c"].map((stream) => seenOf({ ...command, reads }, stream));
  expect(seen).toEqual([9, 3, 4, 0]);
});
