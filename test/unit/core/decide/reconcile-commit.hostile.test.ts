/** A client that lies about `seen`, `reads` or its events gains nothing. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Commit, CommitCommand } from "../../../../src/core/history/commit.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { column, tally, task } from "../../../support/task-domain.ts";
import { author } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { add, becomes, BEGINNING, commitOn, logOf, made, NOW, pushed, viewOf } from "../../../support/core/scene.ts";
import { decideOn, push, type ServerModel } from "../../../support/core/server-model.ts";
import { containing } from "../../../support/matchers.ts";

const FORGED = "forged";

/** A log of several authors, and a commit that one of them made in between. */
const scene = fc
  .record({ before: fc.array(commands, { maxLength: 6 }), mine: commands, after: fc.array(commands, { maxLength: 6 }) })
  .map(({ before, mine, after }) => {
    const server = logOf();
    const all = (list: typeof before) => {
      for (const requests of list) {
        const proposed = proposeCommit(server.domain, viewOf(server), requests, author("bob"));
        if ("commit" in proposed) push(server, proposed.commit, NOW);
      }
    };
    all(before);
    const proposed = proposeCommit(server.domain, viewOf(server), mine, author("ann"));
    all(after);
    return { server, commit: "commit" in proposed ? proposed.commit : null };
  });

/** The same commit with each command changed. */
function forge(commit: Commit, change: (command: CommitCommand) => CommitCommand): Commit {
  return { ...commit, commands: commit.commands.map(change) };
}

function outcomeOf(server: ServerModel, commit: Commit) {
  const outcome = decideOn(server.domain, server.records, commit, NOW);
  return outcome.kind === "events" ? outcome.events : outcome.defect;
}

describe("reconcileCommit: a client that lies about its events", () => {
  test("reconcileCommit: the server decides, whatever events the client expects", () => {
    fc.assert(
      fc.property(
        scene,
        fc.array(fc.constantFrom("TaskAdded", "Added", "NoteAdded", "TaskRenamed", "Unknown"), { maxLength: 3 }),
        ({ server, commit }, types) => {
          if (!commit) return;
          const events = types.map((type) => ({
            type,
            v: 1,
            data: { title: FORGED, text: FORGED, note: FORGED, amount: 1_000, column: FORGED },
          }));
          const forged = forge(commit, (command) => ({ ...command, events }));
          expect(outcomeOf(server, forged)).toEqual(outcomeOf(server, commit));
          expect(JSON.stringify(outcomeOf(server, forged))).not.toContain(FORGED);
        },
      ),
    );
  });
});

describe("reconcileCommit: a client that lies about seen", () => {
  test("reconcileCommit: a huge seen gets the outcome of an author who has seen everything", () => {
    fc.assert(
      fc.property(scene, fc.constantFrom(1_000, Number.MAX_SAFE_INTEGER), ({ server, commit }, seen) => {
        if (!commit) return;
        const lying = forge(commit, (command) => ({
          ...command,
          seen,
          reads: command.reads.map((read) => ({ ...read, seen })),
        }));
        const heads = new Map<string, number>();
        for (const { stream, version } of server.records.flatMap(({ events }) => events)) heads.set(stream, version);
        const at = ({ stream }: { readonly stream: string }) => heads.get(stream) ?? 0;
        const honest = forge(commit, (command) => ({
          ...command,
          seen: at(command),
          reads: command.reads.map((read) => ({ ...read, seen: at(read) })),
        }));
        expect(outcomeOf(server, lying)).toEqual(outcomeOf(server, honest));
      }),
    );
  });

  test("reconcileCommit: seen 0 adds conflicts, and rules are still checked on current states", () => {
    const server = logOf();
    const blind = (commit: Commit) =>
      forge(commit, (command) => ({ ...command, seen: 0, reads: command.reads.map((read) => ({ ...read, seen: 0 })) }));
    const spent = made(server, "ann", [tally.command.spend("a", { amount: 4 })]);
    const moved = made(server, "ann", [task.command.move("t1", { column: "done" })]);
    const removed = made(server, "ann", [task.command.remove("t1")]);
    add(server, "bob", tally.command.spend("a", { amount: 4 }));
    add(server, "bob", column.command.remove("done"));
    expect(becomes(server, blind(spent))).toBe("too-little");
    expect(becomes(server, blind(moved))).toBe("no-such-column");
    expect(becomes(server, blind(removed))).toBe("conflict");
  });

  test("reconcileCommit: reads that are missing, doubled or needless skip no check", () => {
    const server = logOf();
    const copied = made(server, "ann", [tally.command.copy("b", { from: "a" })]);
    const moved = made(server, "ann", [task.command.move("t1", { column: "done" })]);
    add(server, "bob", tally.command.add("a", { amount: 1 }));
    add(server, "bob", column.command.remove("done"));
    const reads = (commit: Commit, list: (stream: string) => CommitCommand["reads"]) =>
      forge(commit, (command) => ({ ...command, reads: list(command.reads[0]?.stream ?? "") }));
    for (const forged of [
      (commit: Commit) => reads(commit, () => []),
      (commit: Commit) => reads(commit, () => [{ stream: "tally/none", seen: 9 }]),
      (commit: Commit) =>
        reads(commit, (stream) => [
          { stream, seen: 0 },
          { stream, seen: 99 },
        ]),
      (commit: Commit) =>
        reads(commit, (stream) => [
          { stream, seen: 99 },
          { stream, seen: 0 },
        ]),
    ]) {
      expect(decideOn(server.domain, server.records, forged(copied), NOW)).toMatchObject({
        kind: "rejected",
        defect: { code: "conflict" },
      });
      expect(decideOn(server.domain, server.records, forged(moved), NOW)).toMatchObject({
        kind: "rejected",
        defect: { code: "no-such-column" },
      });
    }
  });

  test("reconcileCommit: a conflict names a read stream that the commit does not list", () => {
    const server = logOf();
    const copied = forge(made(server, "ann", [tally.command.copy("b", { from: "a" })]), (command) => ({
      ...command,
      reads: [],
    }));
    expect(pushed(server, copied)).toMatchObject({
      kind: "rejected",
      defect: { message: containing("tally/a") },
      theirs: [],
    });
  });
});

describe("reconcileCommit: the order in which packets arrive", () => {
  test("reconcileCommit: records that arrive between execute and push change nothing", () => {
    fc.assert(
      fc.property(
        fc.array(commands, { minLength: 1, maxLength: 4 }),
        fc.array(commands, { maxLength: 4 }),
        fc.array(fc.boolean(), { maxLength: 4 }),
        (mine, theirs, hears) => {
          const told = (isHearing: (n: number) => boolean) => {
            const server = logOf();
            const view = viewOf(server);
            const own = mine.flatMap((requests, n) => {
              const proposed = proposeCommit(server.domain, view, requests, {
                ...author("ann"),
                id: `018bcfe5-6800-7000-8000-00000000000${n}`,
              });
              if ("defect" in proposed) return [];
              view.add(proposed.commit, NOW);
              return [proposed.commit];
            });
            for (const [n, requests] of theirs.entries()) {
              const proposed = proposeCommit(server.domain, viewOf(server), requests, {
                ...author("bob"),
                id: `018bcfe5-6800-7000-8000-0000000000b${n}`,
              });
              if ("commit" in proposed) push(server, proposed.commit, NOW);
            }
            let heard = viewOf(logOf()).cursor?.position ?? 0;
            for (const [n, commit] of own.entries()) {
              if (isHearing(n)) {
                const news = server.records.filter(({ position }) => position > heard);
                view.apply(news, NOW);
                heard = view.cursor?.position ?? 0;
              }
              push(server, commit, NOW);
            }
            return JSON.stringify([
              server.records.slice(BEGINNING.length).map(({ events, commit }) => [commit, events]),
              [...server.outcomes.values()]
                .slice(BEGINNING.length)
                .map((outcome) => (outcome.kind === "rejected" ? outcome.defect : 0)),
            ]);
          };
          expect(told((n) => hears[n] ?? false)).toBe(told(() => false));
        },
      ),
    );
  });
});

describe("reconcileCommit: a stream that this code cannot read", () => {
  test("reconcileCommit: refuses commands that write or read an unreadable stream, and no others", () => {
    const server = logOf();
    const commits = [
      task.command.move("t1", { column: "done" }),
      task.command.complete("t1"),
      column.command.remove("done"),
    ].map((one) => made(server, "ann", [one]));
    server.records.push({
      position: 5,
      mark: "new",
      commit: author().id,
      client: author().client,
      actor: "bob",
      time: NOW,
      received: NOW,
      meta: null,
      events: [{ type: "ColumnPainted", v: 1, stream: "column/done", version: 2, data: { colour: "red" } }],
    });
    const [moved, completed, removed] = commits.map((commit) => decideOn(server.domain, server.records, commit, NOW));
    for (const outcome of [moved, removed])
      expect(outcome).toMatchObject({
        kind: "rejected",
        defect: { kind: "unreadable", code: "stream-unreadable", message: containing("ColumnPainted") },
      });
    expect(completed).toMatchObject({ kind: "events" });
    expect(() => commitOn(server.domain, viewOf(server), "ann", [column.command.remove("done")])).toThrow(
      "ColumnPainted",
    );
  });
});
