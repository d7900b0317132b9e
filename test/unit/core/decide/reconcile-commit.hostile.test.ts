/** A client that lies: about what it saw, what it read and what it expects. It gets nothing that an honest one would not. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Commit, CommitCommand } from "../../../../src/core/history/commit.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { column, tally, task } from "../../../support/task-domain.ts";
import { author } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { add, becomes, BEGINNING, commitOn, logOf, made, NOW, pushed, viewOf } from "../../../support/core/scene.ts";
import { decideOn, push, type ServerModel } from "../../../support/core/server-model.ts";

const FORGED = "forged";

/** A log that several people wrote, and a commit that one made at some time in between. */
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

/** The same commit with each command made over. */
function forge(commit: Commit, change: (command: CommitCommand) => CommitCommand): Commit {
  return { ...commit, commands: commit.commands.map(change) };
}

function outcomeOf(server: ServerModel, commit: Commit) {
  const outcome = decideOn(server.domain, server.records, commit, NOW);
  return outcome.kind === "events" ? outcome.events : outcome.defect;
}

describe("what a client says of its own events", () => {
  test("changes nothing: the server decides, whatever is expected", () => {
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

describe("what a client says of what it saw", () => {
  test("a huge seen gets what someone who has seen everything gets", () => {
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

  test("seen: 0 gets at most more conflicts: a rule that is checked on what is there stays checked", () => {
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

  test("reads that were left out, doubled or named for nothing spare no check", () => {
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

  test("a stream that was read unnamed is named where it is refused", () => {
    const server = logOf();
    const copied = forge(made(server, "ann", [tally.command.copy("b", { from: "a" })]), (command) => ({
      ...command,
      reads: [],
    }));
    expect(pushed(server, copied)).toMatchObject({
      kind: "rejected",
      defect: { message: expect.stringContaining("tally/a") },
      theirs: [],
    });
  });
});

describe("the order in which packets arrive", () => {
  test("does not matter: what the author hears between making and pushing changes nothing", () => {
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

describe("a stream that this code cannot read", () => {
  test("refuses commands that write or read it, and harms no other", () => {
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
        defect: { kind: "unreadable", code: "stream-unreadable", message: expect.stringContaining("ColumnPainted") },
      });
    expect(completed).toMatchObject({ kind: "events" });
    expect(() => commitOn(server.domain, viewOf(server), "ann", [column.command.remove("done")])).toThrow(
      "ColumnPainted",
    );
  });
});
