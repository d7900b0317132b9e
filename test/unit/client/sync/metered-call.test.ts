// A call reports its parts to the state of syncing, and at the end its size and its time.
import { expect, test } from "vitest";
import { firstCallSize } from "../../../../src/client/sync/call-size.ts";
import { meteredCall } from "../../../../src/client/sync/metered-call.ts";
import type { Signal } from "../../../../src/client/sync/reduce-sync.ts";
import type { CallOptions } from "../../../../src/client/sync/transport.ts";
import { nodeEnv, sharedByTabs } from "../../../support/device.ts";

const size = { ...firstCallSize, pageBytes: 2_048, pushBytes: 4_096 };

/** Makes a call in virtual time. Each part is `[milliseconds, bytes]`. */
async function call(
  pushed: number | null,
  parts: readonly (readonly [number, number])[],
  error: Error | null = null,
  gzip: boolean | null = null,
) {
  const signals: Signal[] = [];
  const handed: CallOptions[] = [];
  let elapsed = 1_000;
  const env = { ...nodeEnv(sharedByTabs()), elapsed: () => elapsed };
  const result = await meteredCall(
    env,
    { ...size, gzip },
    (signal) => signals.push(signal),
    pushed,
    async (options) => {
      handed.push(options);
      for (const [ms, bytes] of parts) {
        elapsed += ms;
        options.received(bytes);
      }
      if (error) throw error;
      return "answer";
    },
  ).catch((thrown: unknown) => thrown);
  const received = signals.flatMap((signal) => (signal.type === "received" ? [signal.bytes] : []));
  return { result, received, carried: signals.filter(({ type }) => type === "carried"), given: handed[0] };
}

test("meteredCall: a pull carries the bytes of its answer in the time that it took", async () => {
  const { result, carried } = await call(null, [
    [100, 10],
    [200, 5],
  ]);
  expect([result, carried]).toEqual(["answer", [{ type: "carried", what: "pageBytes", bytes: 15, ms: 300 }]]);
});

test("meteredCall: a push carries the bytes of its commits", async () => {
  const { carried } = await call(70, [[100, 10]]);
  expect(carried).toEqual([{ type: "carried", what: "pushBytes", bytes: 70, ms: 100 }]);
});

test("meteredCall: reports parts twice a second at most, and the rest at the end", async () => {
  const parts = [
    [499, 1],
    [1, 2],
    [100, 4],
    [499, 8],
    [1, 16],
    [500, 0],
    [1, 32],
  ] as const;
  const { received } = await call(null, parts);
  expect(received).toEqual([3, 12, 16, 32]);
});

test("meteredCall: a call that fails reports its parts, and no speed", async () => {
  const error = new Error("The line broke");
  expect(await call(null, [[10, 7]], error)).toMatchObject({ result: error, received: [7], carried: [] });
});

test("meteredCall: a call without parts reports none", async () => {
  expect((await call(null, [])).received).toEqual([]);
});

test("meteredCall: hands the sizes of the link to the call", async () => {
  const { given } = await call(null, []);
  expect(given).toMatchObject({ pageBytes: 2_048, bodyBytes: 4_096, gzip: false });
  expect((await call(null, [], null, true)).given?.gzip).toBe(true);
});
