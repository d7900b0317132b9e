/** An app's functions may throw or return anything. Only valid events get through. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { aggregate, defineDomain, type Draft, type Rejection } from "../../../../src/index.ts";
import { findJsonProblem } from "../../../../src/core/values/json.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { Replica } from "../../../../src/core/replica/replica.ts";
import { author } from "../../../support/core/author.ts";
import { oddDomain } from "../../../support/core/odd-domain.ts";
import { containing } from "../../../support/matchers.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import type { Json } from "../../../../src/core/values/json.ts";

function execute(behaviour: Parameters<typeof oddDomain>[0], name: "do" | "defaulted" = "do") {
  const { odd, domain } = oddDomain(behaviour);
  return proposeCommit(domain, new Replica(domain), [odd.command[name]("o1")], author());
}

function defectOf(decide: () => unknown) {
  const proposed = execute({ decide });
  if ("defect" in proposed) return proposed.defect;
  throw new Error("nothing was refused");
}

/** Values that throw when they are turned into a text. */
const UNSHOWABLE: readonly unknown[] = [
  Object.create(null),
  { toString: () => ({}) },
  Object.defineProperty(new Error("hidden"), "message", { get: () => expect.fail("was looked at") }),
  Object.assign(new Error("named by a symbol"), { name: Symbol("odd") }),
  new Proxy({}, { getPrototypeOf: () => expect.fail("was asked for its prototype") }),
];

describe("decideCommand: a decide that throws", () => {
  test("decideCommand: turns anything that decide throws into command-failed", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything({ withNullPrototype: true, withObjectString: true }), fc.constantFrom(...UNSHOWABLE)),
        (thrown) => {
          const { kind, code, message } = defectOf(() => {
            throw thrown;
          });
          expect([kind, code, typeof message]).toEqual(["failed", "command-failed", "string"]);
        },
      ),
    );
  });

  test("decideCommand: reports the thrown error in a short, well-formed text", () => {
    const reason = defectOf(() => {
      throw new TypeError(`${"a".repeat(998 - "TypeError: ".length)}😀${"b".repeat(10_000)}`);
    }).message;
    expect(reason).toMatch(/^TypeError: aaa/);
    expect(reason.length).toBeLessThanOrEqual(1_000);
    expect(reason.isWellFormed()).toBe(true);
  });
});

test("decideCommand: reads no stream that an extended Object.prototype names", () => {
  const list = aggregate("list", {
    version: 1,
    initial: { count: 0 },
    events: { Counted: z.object({ count: z.number() }) },
    evolve: { Counted: (_, { data }) => data },
    commands: {
      count: {
        input: z.object({ from: z.string() }),
        reads: { from: ["self", ({ from }) => from] },
        decide: (_, __, { from, emit }) => emit("Counted", { count: from.count + 1 }),
      },
    },
  });
  const { definition } = defineDomain({ version: 1, aggregates: [list] });
  // Old libraries do this.
  Object.assign(Object.prototype, { extended: () => {} });
  try {
    const command = list.command.count("l1", { from: "l2" });
    expect(proposeCommit(definition, new Replica(definition), [command], author())).toHaveProperty("commit");
  } finally {
    Reflect.deleteProperty(Object.prototype, "extended");
  }
});

describe("decideCommand: a decide that returns a wrong value", () => {
  test("decideCommand: refuses any value that is not a decision", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), (given) => {
        const proposed = execute({ decide: () => given });
        const became =
          "commit" in proposed ? proposed.commit.commands.flatMap(({ events }) => events) : proposed.defect.kind;
        expect([[], "failed"]).toContainEqual(became);
      }),
    );
  });

  test.each([
    ["an event that the aggregate does not have", [{ type: "Undone", data: {} }], "odd has no such event"],
    [
      "an event whose data is no JSON",
      [{ type: "Did", data: { at: [new Date(0)] } }],
      "at at.0: is not a plain object",
    ],
    ["an event without data that its schema accepts", [{ type: "Defaulted", data: { title: 1 } }], "at title"],
    ["an event with a forbidden key", [{ type: "Did", data: parseOwnJson<Json>('{"__proto__": 1}') }], "forbidden key"],
  ])("decideCommand: reports where and why an event is invalid: %s", (_, given, reason) => {
    const { kind, code, message } = defectOf(() => given);
    expect([kind, code]).toEqual(["invalid", "invalid-event"]);
    expect(message).toContain(reason);
  });
});

describe("decideCommand: a rejection", () => {
  test("decideCommand: a rejection's text is short and well-formed, even with a cut character", () => {
    const { code, message } = defectOf(() => ({
      rejected: true,
      code: "c".repeat(500),
      message: `No room for ${"😀".slice(0, 1)}`,
    }));
    expect(code).toHaveLength(128);
    expect(findJsonProblem(message)).toBeNull();
  });
});

describe("decideCommand: a rejection that decide makes and does not return", () => {
  type Booked = Draft<"Booked", { by: string }>;
  type Tools = { reject: (code: string) => Rejection; emit: (type: "Booked", data: { by: string }) => Booked };

  function book(decide: (tools: Tools) => Booked | Rejection) {
    const room = aggregate("room", {
      version: 1,
      initial: null as { by: string } | null,
      events: { Booked: z.object({ by: z.string() }) },
      evolve: { Booked: (_, { data }) => data },
      commands: { book: { decide: (_, __, tools) => decide(tools) } },
    });
    const { definition } = defineDomain({ version: 1, aggregates: [room] });
    return proposeCommit(definition, new Replica(definition), [room.command.book("r1")], author());
  }

  test("decideCommand: refuses the command, because the rule would not be applied", () => {
    const proposed = book(({ emit, reject }) => {
      reject("full");
      return emit("Booked", { by: "ada" });
    });
    expect(proposed).toMatchObject({
      defect: { code: "command-failed", message: containing('made reject("full") and did not return it') },
    });
  });

  test("decideCommand: refuses the command and says so, if decide throws the rejection", () => {
    const proposed = book(({ reject }) => {
      throw reject("full");
    });
    expect(proposed).toMatchObject({
      defect: { code: "command-failed", message: containing('made reject("full") and did not return it') },
    });
  });

  test("decideCommand: a returned rejection rejects the command, also after another one", () => {
    const proposed = book(({ reject }) => {
      reject("closed");
      return reject("full");
    });
    expect(proposed).toMatchObject({ defect: { kind: "domain", code: "full" } });
  });
});

describe("decideCommand: an event's schema", () => {
  test("decideCommand: an asynchronous schema of an event refuses the command, and says so", () => {
    const late = aggregate("late", {
      version: 1,
      initial: 0,
      events: { Checked: z.object({}).refine(async () => true) },
      evolve: { Checked: (count) => count },
      commands: { check: { input: z.object({}), decide: (_, __, { emit }) => emit("Checked", {}) } },
    });
    const { definition } = defineDomain({ version: 1, aggregates: [late] });
    const proposed = proposeCommit(definition, new Replica(definition), [late.command.check("a", {})], author());
    expect(proposed).toMatchObject({ defect: { kind: "failed", message: containing("asynchronously") } });
  });

  test("decideCommand: records the schema's output, with its defaults and trims", () => {
    const proposed = execute({}, "defaulted");
    const events = "commit" in proposed ? proposed.commit.commands[0]?.events : [];
    expect(events).toEqual([{ type: "Defaulted", v: 1, data: { title: "Milk", note: "none" } }]);
  });
});
