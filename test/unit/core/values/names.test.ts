import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DefinitionError, ValidationError } from "../../../../src/core/values/errors.ts";
import {
  aggregateOf,
  isStream,
  parseStream,
  requireType,
  requireWord,
  streamName,
} from "../../../../src/core/values/names.ts";
import { matching } from "../../../support/matchers.ts";

const type = fc.stringMatching(/^[a-z][a-z0-9-]{0,63}$/);
const id = fc.stringMatching(/^[A-Za-z0-9._~:@-]{1,200}$/).filter((text) => text !== "." && text !== "..");

describe("streamName, parseStream and isStream", () => {
  test("streamName: parses back into its aggregate and its id", () => {
    fc.assert(
      fc.property(type, id, (aggregate, one) => {
        const name = streamName(aggregate, one);
        expect(parseStream(name)).toEqual({ ok: true, value: { type: aggregate, id: one } });
        expect(isStream(name)).toBe(true);
        expect(aggregateOf(name)).toBe(aggregate);
      }),
    );
  });

  test("streamName: needs no escaping in a URL", () => {
    fc.assert(
      fc.property(type, id, (aggregate, one) => {
        const name = streamName(aggregate, one);
        expect(new URL(`https://log.test/streams/${name}`).pathname).toBe(`/streams/${name}`);
      }),
    );
  });

  test("parseStream: accepts the ids that apps have: UUIDs, mail addresses, dates, ULIDs", () => {
    for (const one of [
      "0b6f6f6e-9a7c-4f7e-8a53-0d0e5a6b1f2c",
      "ann@shop.test",
      "2026-11-21T01:27:00.000Z",
      "01J9Z3K8V5",
      "a..b",
      "...",
      "v1.0~rc",
    ]) {
      expect(parseStream(`task/${one}`).ok, one).toBe(true);
    }
  });

  test("parseStream: accepts an id of 200 bytes, and refuses one more with that reason", () => {
    expect(parseStream(`task/${"x".repeat(200)}`).ok).toBe(true);
    expect(parseStream(`task/${"x".repeat(201)}`)).toMatchObject({ problem: { reason: matching(/longer than 200/) } });
  });

  test("parseStream: refuses an ambiguous name and returns a reason", () => {
    const bad = [
      "",
      "task",
      "/t1",
      "task/",
      "task/.",
      "task/..",
      "task/a/b",
      "Task/t1",
      "1task/t1",
      "task/a b",
      "task/ä",
      "task/%2e%2e",
      "task/t1\n",
      "task/t\u0000",
      "__proto__/x y",
      `${"t".repeat(65)}/t1`,
      `task/${"x".repeat(201)}`,
      "task/\ud800",
    ];
    expect(bad.filter(isStream)).toEqual([]);
    for (const name of bad)
      expect(parseStream(name), JSON.stringify(name)).toEqual({
        ok: false,
        problem: { path: [], reason: matching(/.{10}/) },
      });
  });

  test("isStream: agrees with parseStream", () => {
    const near = fc.string({ unit: fc.constantFrom("a", "B", "1", ".", "-", "/", "~", " "), maxLength: 6 });
    fc.assert(
      fc.property(near, (text) => isStream(text) === parseStream(text).ok),
      { numRuns: 500 },
    );
  });

  test("parseStream, aggregateOf: never throw, for every text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        (text) => typeof parseStream(text).ok === "boolean" && typeof aggregateOf(text) === "string",
      ),
    );
  });

  test("aggregateOf: returns the text before the first slash, or the whole text without one", () => {
    const texts = ["task/t1", "task", "/t1", "", "a/b/c"];
    expect(texts.map(aggregateOf)).toEqual(["task", "task", "", "", "a"]);
  });

  test("streamName: throws a ValidationError that names the id", () => {
    expect(() => streamName("task", "a b")).toThrow(ValidationError);
    expect(() => streamName("task", "a b")).toThrow('"a b" cannot name a stream of "task"');
    expect(() => streamName("task", "x".repeat(10_000))).toThrow(/longer than 200 bytes/);
  });

  test("streamName: throws a ValidationError for an id that is not a string", () => {
    const untyped: (type: string, id: never) => string = streamName;
    for (const wrong of [undefined, null, 7, {}, []] as never[])
      expect(() => untyped("task", wrong)).toThrow(ValidationError);
  });
});

describe("requireType and requireWord", () => {
  test("requireType: accepts only a name that can be part of a stream's name", () => {
    requireType("an aggregate", "shopping-list");
    for (const wrong of ["", "Task", "shopping list", "-a", "a/b", "a_b", undefined, 7])
      expect(() => requireType("an aggregate", wrong), String(wrong)).toThrow(DefinitionError);
  });

  test("requireWord: accepts a name of the wire, and no key that a plain object has", () => {
    requireWord("an event", "TaskAdded");
    requireWord("a command", "add_all-2");
    for (const wrong of ["", "2add", "a b", "__proto__", "constructor", "prototype", "a.b", "ä", "x".repeat(129)])
      expect(() => requireWord("an event", wrong), wrong).toThrow(DefinitionError);
  });
});
