// Another tab may run older or newer code. A value is either a whole message of this release, or ignored.
import fc from "fast-check";
import { expect, test } from "vitest";
import { listenTabs, outranks, type TabMessage } from "../../../../src/client/messages/tab-messages.ts";
import { expectUntouched } from "../../../support/hostile-json.ts";

const heard = (message: unknown): TabMessage[] => {
  const messages: TabMessage[] = [];
  listenTabs({ post: () => {}, close: () => {}, listen: (listener) => listener(message) }, (one) => messages.push(one));
  return messages;
};
const client = "0193a1cf-0d55-7b0e-9d01-77a1c2b3d4e5";
const rank = { domain: 1, visible: true };

test("listenTabs: receives each message of this release", () => {
  for (const message of [
    { type: "wrote" },
    { type: "beat", rank, stands: "x", sync: { state: "going", lastSyncedAt: 1.5 } },
    { type: "hello" },
    { type: "claim", rank },
    { type: "show", tab: "x", at: 1, data: { x: 1 } },
    { type: "present", others: [{ client, actor: "ada", data: null }] },
  ]) {
    expect(heard(message)).toHaveLength(1);
  }
});

test("listenTabs: ignores any other value, and each received message has its shape", () => {
  const odd = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  const type = fc.constantFrom("wrote", "beat", "claim", "show", "hello", "present", "__proto__", "");
  const message = fc.oneof(
    odd,
    fc.record(
      {
        type,
        rank: fc.oneof(odd, fc.record({ domain: odd, visible: odd }, { requiredKeys: [] })),
        data: odd,
        others: fc.oneof(odd, fc.array(fc.oneof(odd, fc.record({ client: odd, actor: odd, data: odd })))),
      },
      { requiredKeys: ["type"] },
    ),
  );
  fc.assert(
    fc.property(message, (given) => {
      for (const one of heard(given)) {
        if (one.type === "beat" || one.type === "claim") {
          expect(typeof one.rank.domain).toBe("number");
          expect(typeof one.rank.visible).toBe("boolean");
          expect(typeof outranks(one.rank, rank)).toBe("boolean");
        }
        if (one.type === "present")
          for (const other of one.others)
            expect([typeof other.client, typeof other.actor]).toEqual(["string", "string"]);
      }
      expectUntouched();
    }),
    { numRuns: 1_500 },
  );
});

test("listenTabs: ignores a message that contains itself or has a getter that throws", () => {
  const circle: Record<string, unknown> = { type: "wrote" };
  circle["self"] = circle;
  expect(heard(circle)).toEqual([]);
  expect(
    heard({
      type: "show",
      tab: "x",
      at: 1,
      get data() {
        throw new Error("no");
      },
    }),
  ).toEqual([]);
});
