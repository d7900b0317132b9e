import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { aggregate, event } from "../../../src/index.ts";
import { upcasting, type UpcastExamples } from "../../../src/testing/upcasting.ts";

const old = v.object({ title: v.string() });
const task = aggregate("task", {
  version: 1,
  initial: 0,
  events: {
    Added: event(old).next(v.object({ title: v.string(), list: v.string() }), (data) => ({ ...data, list: "" })),
  },
  former: { Opened: [v.object({}), () => []] },
  evolve: { Added: (count) => count + 1 },
});
const careless = aggregate("task", {
  version: 1,
  initial: 0,
  // An upcast in JavaScript may forget a field.
  events: { Added: event(old).next(old, () => JSON.parse("{}") as { title: string }) },
  evolve: { Added: (count) => count + 1 },
});
const examples = { Added: { 1: [{ data: { title: "Milk" } }], 2: [{ data: { title: "a", list: "b" } }] } };

/** Runs the tests that `upcasting` registers. Null: the test passed. */
async function outcomes(
  of: typeof task | typeof careless,
  given: UpcastExamples,
): Promise<Record<string, string | null>> {
  const results: Record<string, string | null> = {};
  const waiting: Promise<void>[] = [];
  upcasting(of, given, {
    describe: (_, body) => body(),
    it: (name, body) => {
      waiting.push(
        body().then(
          () => void (results[name] = null),
          (error: Error) => void (results[name] = error.message),
        ),
      );
    },
  });
  await Promise.all(waiting);
  return results;
}

describe("upcasting", () => {
  test("upcasting: passes if each version has examples that become events of today", async () => {
    const given = {
      Added: {
        ...examples.Added,
        1: [{ data: { title: "Milk" }, becomes: [{ type: "Added", data: { title: "Milk", list: "" } }] }],
      },
      Opened: { 1: [{ data: {}, becomes: [] }] },
    };
    const results = await outcomes(task, given);
    expect(Object.values(results)).toEqual([null, null, null]);
  });

  test("upcasting: fails for a version without an example, and for an unknown one", async () => {
    const results = await outcomes(task, {
      ...examples,
      Added: { ...examples.Added, 3: [{ data: {} }] },
      Lost: { 1: [] },
    });
    expect(results).toMatchObject({
      "Opened 1 has an example": "Add the data of a stored event: Opened: { 1: [{ data: … }] }.",
      "Added 3 is an event of task": "It has 2 version(s).",
      "Lost 1 is an event of task": "It has no version(s).",
    });
  });

  test("upcasting: fails if an example becomes other events, or events that today's schema refuses", async () => {
    const other = await outcomes(task, {
      ...examples,
      Opened: { 1: [{ data: {}, becomes: [{ type: "Added", data: {} }] }] },
    });
    expect(other["Opened 1, example 1: becomes events of today"]).toContain("other events");
    const missing = await outcomes(careless, {
      Added: { 1: [{ data: { title: "Milk" } }], 2: [{ data: { title: "a" } }] },
    });
    expect(missing["Added 1, example 1: becomes events of today"]).toContain("present schema");
    expect(missing["Added 2, example 1: becomes events of today"]).toBeNull();
  });
});
