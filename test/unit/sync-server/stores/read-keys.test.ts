// Reads of the rows of many keys, and work whose rows must fit into memory.
import { expect, test } from "vitest";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { RowPage } from "../../../../src/sync-server/stores/model-store.ts";
import { readKeys, workThatFits } from "../../../../src/sync-server/stores/read-keys.ts";
import { write } from "../../../../src/testing/event-store/samples.ts";
import { follow, modelsOf, rowsOf } from "../../../../src/testing/model-store/samples.ts";

test("readKeys, workThatFits: read large rows in pages, or only the keys whose rows fit", async () => {
  const store = memory();
  await write(store, "log", null, { commit: 1 });
  const models = modelsOf(store);
  const rows = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`k${n}`, JSON.stringify("x".repeat(999_998))]));
  await models.write("log", rowsOf(follow("a", 0), rows));
  const wanted = [...Object.keys(rows), "missing"];
  expect(await readKeys(models, "log", "a", "rows", wanted.toReversed())).toEqual(new Map(Object.entries(rows)));
  const tried: number[] = [];
  const fitting = await workThatFits(wanted, (keys, few) => {
    tried.push(keys.length);
    return readKeys(models, "log", "a", "rows", keys, few);
  });
  expect([...fitting.keys()]).toEqual(["k0", "k1", "k2", "k3"]);
  expect(tried).toEqual([11, 4]);
  const large = JSON.stringify("x".repeat(1_000_000));
  await models.write("log", rowsOf(follow("a", 1), Object.fromEntries(wanted.map((key) => [key, large]))));
  // A single item may need any number of rows.
  const whole = await workThatFits([wanted], ([keys = []], few) => readKeys(models, "log", "a", "rows", keys, few));
  expect(whole.size).toBe(11);
  expect(await readKeys(models, "log", "none", "rows", wanted)).toEqual(new Map());
});

test("workThatFits: a few large rows among many small ones take few tries", async () => {
  const store = memory();
  await write(store, "log", null, { commit: 1 });
  const models = modelsOf(store);
  // The large rows are needed first, and read last.
  const large = Array.from({ length: 6 }, (_, n) => [`z${n}`, JSON.stringify("x".repeat(999_998))] as const);
  const small = Array.from({ length: 250 }, (_, n) => [`a${n}`, "1"] as const);
  const rows = Object.fromEntries([...large, ...small]);
  await models.write("log", rowsOf(follow("a", 0), rows));
  let tries = 0;
  const read = await workThatFits(Object.keys(rows), (keys, few) => {
    tries++;
    return readKeys(models, "log", "a", "rows", keys, few);
  });
  expect(read.size).toBeGreaterThan(0);
  expect(tries).toBeLessThan(10);
});

test("workThatFits: it ends with a store that always says that there is more", async () => {
  const follower = { name: "a", revision: 1, at: null, wake: null, text: "" };
  const rows = async (): Promise<RowPage> => ({ follower, rows: [["k", "1"]], more: true });
  const tried: number[] = [];
  await workThatFits(["k", "l", "m", "n"], async (keys, few) => {
    tried.push(keys.length);
    if (few) await readKeys({ rows }, "log", "a", "rows", keys.slice(0, 1), few);
  });
  expect(tried).toEqual([4, 2, 1]);
});
