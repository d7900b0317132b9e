// The bytes that an app's user downloads stay within a budget. `npm run bench -- size` shows which modules hold them.
import { expect, test } from "vitest";
import { bundleEntries, compressedSizes } from "../../../bench/support/bundle-sizes.ts";

/** Bytes in brotli. A change that needs more says why, here and in docs/decisions/a-worker-is-one-chunk.md. */
const budgets: Readonly<Record<string, number>> = {
  // The refusal of unknown options needs 200 bytes.
  "dacapo/client": 7_490,
  // Causes of events need 150 bytes, and packed tables that the server shares 100. `rowsAt` and `rebuild` need 600.
  // Joining from a base needs 960: it reads and checks pages, stores them, and keeps pending commits, cuts and exports
  // correct behind a base.
  // Reading messages without copies needs 100 bytes. With the single fold it saves 14 % of a push on the server.
  // Names of error classes that a bundler renamed need 60. The name of an app's function that fails needs 80.
  // Silence about such a failure while the server does not answer needs 30, and `retry` of imports and moves 22.
  // A late answer that a restore made wrong settles nothing: 59.
  // A device that drops its base and checks what the server lost meanwhile needs 45.
  // State in objects in the place of long closures needs 40.
  // Rows that name their release, an undo beside a base, and a rejection that is retried once need 200. Rows that are
  // checked for what JSON cannot keep need 50. The policies that the server reads before a decision need 60.
  "dacapo/worker": 44_710,
  // Former events need 200 bytes. The refusal of promises of async functions needs 60. Names of error classes need 60.
  // The refusal of a rejection that `decide` makes and does not return needs 120.
  dacapo: 5_760,
};

test("size: client, worker and domain language stay within their budgets", async () => {
  const sizes = (await bundleEntries()).map(({ name, code }) => [name, compressedSizes(code).brotli] as const);
  expect(sizes.map(([name]) => name).toSorted()).toEqual(Object.keys(budgets).toSorted());
  for (const [name, bytes] of sizes) expect(bytes, name).toBeLessThanOrEqual(budgets[name] ?? 0);
});
