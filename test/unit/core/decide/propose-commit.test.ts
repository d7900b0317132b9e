/** A person's commands become a commit, or are refused at once with a reason. */
import { type } from "arktype";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aggregate, defineDomain } from "dacapo";
import { byteLength } from "../../../../src/core/values/byte-length.ts";
import { COMMANDS_MAX } from "../../../../src/core/history/limits.ts";
import { type CommandRequest, READS_MAX } from "../../../../src/core/domain/definition.ts";
import { parseCommit } from "../../../../src/core/wire/read-messages.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { Replica } from "../../../../src/core/replica/replica.ts";
import { column, tally, task, taskDomain } from "../../../support/task-domain.ts";
import { author } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { add, commitOn, logOf, NOW, viewOf } from "../../../support/core/scene.ts";
import { containing, matching } from "../../../support/matchers.ts";

const domain = taskDomain.definition;
const given = (...requests: readonly unknown[]) =>
  proposeCommit(domain, viewOf(logOf()), requests as readonly CommandRequest[], author());

describe("proposeCommit: an invalid command", () => {
  const note = (input: unknown) => ({ stream: "task/t1", name: "note", v: 1, input });
  test.each([
    [
      "a value that the schema refuses",
      [task.command.rename("t1", { title: "" })],
      0,
      "invalid-input",
      /task\.rename is not valid at title: .*length/,
    ],
    [
      "a value that is no JSON, before any schema sees it",
      [note({ text: "a", at: [0, new Date(0)] })],
      0,
      "invalid-input",
      /at at\.1: is not a plain object/,
    ],
    ["half a character", [note({ text: "\ud83d" })], 0, "invalid-input", /at text: has a lone surrogate/],
    ["the second command", [task.command.complete("t1"), note({})], 1, "invalid-input", /at text/],
    [
      "a stream whose name is none",
      [{ ...task.command.complete("t1"), stream: "task/../t1" }],
      0,
      "invalid-input",
      /stream of complete is not valid/,
    ],
    [
      "an aggregate that is not there",
      [{ ...task.command.complete("t1"), stream: "tusk/t1" }],
      0,
      "unknown-aggregate",
      /"tusk"/,
    ],
    [
      "a command that is not there",
      [{ ...task.command.complete("t1"), name: "finish" }],
      0,
      "unknown-command",
      /"finish"/,
    ],
    [
      "a command of a newer release",
      [{ ...task.command.complete("t1"), v: 2 }],
      0,
      "unknown-command",
      /up to version 1, not 2/,
    ],
    [
      "a command of no release",
      [{ ...task.command.complete("t1"), v: 0 }],
      0,
      "invalid-input",
      /This value is not a command/,
    ],
    [
      "an input where none is taken",
      [{ ...task.command.complete("t1"), input: null }],
      0,
      "invalid-input",
      /takes no input/,
    ],
    [
      "an id that cannot be one, made on the way",
      [task.command.move("t1", { column: "no id" })],
      0,
      "command-failed",
      /cannot name a stream/,
    ],
  ])("proposeCommit: reports which command is invalid, where and why: %s", (_, requests, command, code, message) => {
    expect(given(...requests)).toMatchObject({
      commandIndex: command,
      defect: { code, message: matching(message) },
    });
  });

  test("proposeCommit: refuses a value that is no command, and says how to make one", () => {
    const request = task.command.complete("t1");
    const { stream: _s, ...noStream } = request;
    const { name: _n, ...noName } = request;
    const { v: _v, ...noVersion } = request;
    const wrong = [
      null,
      undefined,
      "complete",
      noStream,
      noName,
      noVersion,
      { ...request, stream: 1 },
      { ...request, name: 1 },
      ...["1", 0, 1.5, Infinity].map((version) => ({ ...request, v: version })),
    ];
    for (const one of wrong)
      expect(given(request, one)).toMatchObject({
        commandIndex: 1,
        defect: { code: "invalid-input", message: containing("This value is not a command") },
      });
  });

  test("proposeCommit: a command reads at most as many streams as the server accepts", () => {
    const reader = aggregate("reader", {
      version: 1,
      initial: null,
      events: { Read: type({}) },
      evolve: { Read: () => null },
      commands: {
        read: {
          input: type({ ids: "string[]" }),
          reads: Object.fromEntries(
            Array.from({ length: READS_MAX }, (_, n) => [
              `read${n}`,
              ["self", (input: { ids: string[] }) => input.ids[n] ?? "x"] as const,
            ]),
          ),
          decide: (_, __, { emit }) => emit("Read", {}),
        },
      },
    });
    const { definition } = defineDomain({ version: 1, aggregates: [reader], projections: [] });
    const ids = Array.from({ length: READS_MAX }, (_, n) => `id${n}`);
    const proposed = proposeCommit(definition, new Replica(definition), [reader.command.read("a", { ids })], author());
    expect("commit" in proposed && proposed.commit.commands[0]?.reads.length).toBe(READS_MAX);
    expect("commit" in proposed && parseCommit(JSON.parse(JSON.stringify(proposed.commit))).ok).toBe(true);
  });

  test("proposeCommit: never throws for any JavaScript value, and its commits can be pushed", () => {
    const nearly = fc.record(
      {
        stream: fc.oneof(fc.constant("task/t1"), fc.anything()),
        name: fc.oneof(fc.constantFrom("complete", "__proto__", "rename"), fc.anything()),
        v: fc.oneof(fc.constant(1), fc.anything()),
        input: fc.anything(),
      },
      { requiredKeys: [] },
    );
    const proposeAny = (requests: unknown) =>
      proposeCommit(domain, viewOf(logOf()), requests as readonly CommandRequest[], author());
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.array(fc.oneof(nearly, fc.anything()))), (requests) => {
        const proposed = proposeAny(requests);
        expect("defect" in proposed || parseCommit(JSON.parse(JSON.stringify(proposed.commit))).ok).toBe(true);
      }),
    );
  });
});

describe("proposeCommit: a rejection by the domain", () => {
  test("proposeCommit: a rejection has the domain's code and the command's index", () => {
    expect(given(tally.command.add("a", { amount: 1 }), tally.command.spend("a", { amount: 7 }))).toMatchObject({
      commandIndex: 1,
      defect: { kind: "domain", code: "too-little" },
    });
  });
});

describe("proposeCommit: several commands in one commit", () => {
  test("proposeCommit: a command sees the events of earlier commands, on all streams", () => {
    const proposed = given(
      column.command.add("new", { title: "New" }),
      task.command.move("t1", { column: "new" }),
      task.command.complete("t1"),
      task.command.complete("t1"),
    );
    const events =
      "commit" in proposed ? proposed.commit.commands.map((one) => one.events.map(({ type }) => type)) : [];
    expect(events).toEqual([["ColumnAdded"], ["TaskMoved"], ["TaskCompleted"], []]);
  });

  test("proposeCommit: a commit has 1 to 100 commands", () => {
    const many = (count: number) =>
      given(...Array.from({ length: count }, () => tally.command.add("a", { amount: 1 })));
    expect(many(COMMANDS_MAX)).toHaveProperty("commit");
    for (const count of [0, COMMANDS_MAX + 1])
      expect(many(count)).toMatchObject({ defect: { message: containing(`not ${count}`) } });
  });
});

describe("proposeCommit: a commit", () => {
  test("proposeCommit: a view decides again only what needs the time of arrival", () => {
    const decidedOf = (...requests: readonly CommandRequest[]) => {
      const proposed = given(...requests);
      return "commit" in proposed && proposed.decided?.events.map(({ type }) => type);
    };
    const [plain, timed] = [task.command.complete("t1"), task.command.stamp("t1")];
    expect(decidedOf(plain)).toEqual(["TaskCompleted"]);
    expect(decidedOf(timed)).toBe(undefined);
    expect(decidedOf(plain, timed)).toBe(undefined);
    expect(decidedOf(timed, plain)).toBe(undefined);
  });

  test("proposeCommit: seen is the confirmed version of each stream, without pending events", () => {
    const server = logOf();
    add(server, "bob", task.command.complete("t1"));
    const view = viewOf(server);
    view.add(commitOn(domain, view, "ann", [task.command.note("t1", { text: "pending" })]), NOW);
    const { commands: made } = commitOn(domain, view, "ann", [task.command.move("t1", { column: "done" })]);
    expect(made).toMatchObject([{ stream: "task/t1", seen: 2, reads: [{ stream: "column/done", seen: 1 }] }]);
  });

  test("proposeCommit: refuses a commit that is too large for every server", () => {
    const text = "😀".repeat(40_000);
    const request = task.command.checklist("t1", { lines: [text] });
    expect(given(request)).toMatchObject({
      commandIndex: 0,
      defect: { kind: "invalid", code: "too-large", message: containing("262144 bytes") },
    });
    const roomy = proposeCommit(domain, viewOf(logOf()), [request], author(), 1024 * 1024);
    expect("commit" in roomy && byteLength(JSON.stringify(roomy.commit))).toBeGreaterThan(256 * 1024);
  });

  test("proposeCommit: every commit passes the server's parser unchanged", () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 5 }), (list) => {
        const view = viewOf(logOf());
        for (const requests of list) {
          const proposed = proposeCommit(domain, view, requests, author());
          if ("defect" in proposed) continue;
          expect(parseCommit(JSON.parse(JSON.stringify(proposed.commit)))).toEqual({
            ok: true,
            value: proposed.commit,
          });
          view.add(proposed.commit, NOW);
        }
      }),
    );
  });

  test("proposeCommit: the commit keeps its input when decide tries to change it", () => {
    const greedy = aggregate("greedy", {
      version: 1,
      initial: null,
      events: { Took: type({ count: "number" }) },
      evolve: { Took: () => null },
      // Arktype returns the object that it checked, not a copy.
      commands: {
        take: {
          input: type({ count: "number" }),
          decide: (_, input, { emit }) => emit("Took", { count: ++input.count }),
        },
      },
    });
    const { definition } = defineDomain({ version: 1, aggregates: [greedy] });
    expect(
      proposeCommit(definition, new Replica(definition), [greedy.command.take("g", { count: 1 })], author()),
    ).toMatchObject({ defect: { kind: "failed", message: containing("read only") } });
  });
});
