import { type } from "arktype";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { DefinitionError } from "../../../../src/core/values/errors.ts";
import { isSchema, parseJsonWith, parseWith, type Schema } from "../../../../src/core/domain/schema.ts";
import { containing } from "../../../support/matchers.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

/** A schema of no library. The test passes in its validate function. */
function schema(validate: (value: unknown) => unknown): Schema {
  const untyped: { validate: (value: unknown) => never } = { validate: validate as (value: unknown) => never };
  return { "~standard": { version: 1, vendor: "test", validate: untyped.validate } };
}

describe("parseWith: accepted values", () => {
  test.each([
    ["valibot", v.object({ title: v.pipe(v.string(), v.trim()), column: v.optional(v.string(), "todo") })],
    ["zod", z.object({ title: z.string().trim(), column: z.string().default("todo") })],
    ["arktype", type({ title: "string.trim", column: "string = 'todo'" })],
  ])("parseWith: returns the schema's output with its defaults (%s)", (_library, one) => {
    expect(parseWith(one, { title: " Milk " })).toEqual({ ok: true, value: { title: "Milk", column: "todo" } });
  });
});

describe("parseWith: refused values", () => {
  test.each([
    ["valibot", v.object({ items: v.array(v.object({ title: v.string() })) })],
    ["zod", z.object({ items: z.array(z.object({ title: z.string() })) })],
    ["arktype", type({ items: type({ title: "string" }).array() })],
  ])("parseWith: returns path and reason (%s)", (_library, one) => {
    expect(parseWith(one, { items: [{ title: "Milk" }, { title: 7 }] })).toEqual({
      ok: false,
      problem: { path: ["items", 1, "title"], reason: containing("string") },
    });
  });

  test("parseWith: returns the first reason and the number of the others", () => {
    const parsed = parseWith(v.object({ a: v.string(), b: v.string(), c: v.string() }), { a: 1, b: 2, c: 3 });
    expect(parsed).toMatchObject({
      ok: false,
      problem: { path: ["a"], reason: containing("(and 2 more)") },
    });
  });

  test("parseWith: returns a problem if the schema returns no reason", () => {
    expect(
      parseWith(
        schema(() => ({ issues: [] })),
        1,
      ),
    ).toMatchObject({ ok: false });
    expect(
      parseWith(
        schema(() => undefined),
        1,
      ),
    ).toMatchObject({ ok: false, problem: { reason: containing("no result") } });
    for (const result of [null, 7, "text"])
      expect(
        parseWith(
          schema(() => result),
          1,
        ),
      ).toMatchObject({ ok: false, problem: { reason: containing("no result") } });
  });

  test("parseWith: returns a path of plain JSON for a symbol", () => {
    const parsed = parseWith(
      schema(() => ({ issues: [{ message: "no", path: [Symbol("here"), { key: "there" }, 3] }] })),
      1,
    );
    expect(parsed).toEqual({ ok: false, problem: { path: ["Symbol(here)", "there", 3], reason: "no" } });
  });
});

describe("parseWith: wrong schemas", () => {
  test("parseWith: a schema that throws is a problem, not a crash", () => {
    const throwing = v.pipe(
      v.string(),
      v.check(() => parseOwnJson<boolean>("{")),
    );
    expect(parseWith(throwing, "x")).toMatchObject({
      ok: false,
      problem: { reason: containing("SyntaxError") },
    });
  });

  test("parseWith: a schema that throws a value without a text is a problem, not a crash", () => {
    const throwing = schema(() => {
      throw Object.create(null);
    });
    expect(parseWith(throwing, "x")).toMatchObject({ ok: false, problem: { path: [] } });
  });

  test.each([
    [
      "valibot",
      v.pipeAsync(
        v.string(),
        v.checkAsync(async () => true),
      ),
    ],
    ["zod", z.string().refine(async () => true)],
    ["a schema whose promise fails", schema(() => Promise.reject(new Error("offline")))],
  ])("parseWith: an asynchronous schema is a clear error, never a hang (%s)", (_library, one) => {
    expect(() => parseWith(one, "x")).toThrow(DefinitionError);
    expect(() => parseWith(one, "x")).toThrow(/asynchronously/);
  });
});

test("parseWith: the failed promise of an asynchronous schema does not end the process", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  const failing = schema(() => Promise.reject(new Error("offline")));
  expect(() => parseWith(failing, "x")).toThrow(DefinitionError);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

describe("parseJsonWith", () => {
  test("parseJsonWith: refuses a value that is not plain JSON, even if the schema accepts it", () => {
    expect(parseJsonWith(v.any(), { at: [1, Infinity] })).toEqual({
      ok: false,
      problem: { path: ["at", 1], reason: "is not a finite number" },
    });
    expect(parseJsonWith(v.date(), new Date(0))).toMatchObject({ ok: false });
  });

  test("parseJsonWith: returns a value or a problem for every input", () => {
    const one = v.object({ title: v.string(), tags: v.array(v.string()) });
    fc.assert(fc.property(fc.anything(), (value) => typeof parseJsonWith(one, value).ok === "boolean"));
  });
});

test("isSchema: accepts schemas of all libraries, and nothing else", () => {
  expect([v.string(), z.string(), type("string")].every(isSchema)).toBe(true);
  expect(
    [null, undefined, "string", {}, () => {}, { "~standard": null }, { "~standard": { version: 1 } }].some(isSchema),
  ).toBe(false);
  expect([{ "~standard": "text" }, { "~standard": { validate: true } }].some(isSchema)).toBe(false);
});
