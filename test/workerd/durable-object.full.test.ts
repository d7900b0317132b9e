// The limits of an object: its room, after which reads continue, and the size of a parameter.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { byteLength } from "../../src/core/values/byte-length.ts";
import { durableObjectStore } from "../../src/sync-server/stores/durable-object.ts";
import type { Append } from "../../src/sync-server/stores/event-store.ts";
import { task } from "../support/board-domain.ts";
import { newLog } from "./log-object.ts";
import { app, smallWorker } from "./worker.ts";

const bigTask = (id: string) => task.command.add(id, { title: "Milk", column: "x".repeat(20_000) });

test("storageBytesMax: from 80 % on `onError` is warned, then pushes get 507 and reads continue", async () => {
  const { person, evict } = newLog(smallWorker, env.SMALL_LOGS);
  const ada = person("ada");
  let recorded = 0;
  let refusal: Response | null = null;
  while (refusal === null && recorded < 50) {
    const commits = [ada.commit(bigTask(`t${recorded}`))];
    const response = await ada.request("commits", { after: null, domain: 1, commits });
    if (response.status === 200) recorded++;
    else refusal = response;
  }
  expect(recorded).toBeGreaterThan(3);
  expect(refusal?.status).toBe(507);
  expect(await refusal?.json()).toMatchObject({ error: { code: "storage-full", retry: "later" } });
  // The writer tries a failed append twice, and reports it once.
  const [warning, ...errors] = app.errors.splice(0);
  expect(warning).toMatchObject({
    code: "storage-full",
    message: expect.stringMatching(/^The storage of this log is (8|9)\d % full$/) as string,
  });
  const full = { message: "The storage of this log is full", details: { bytesMax: 250_000 } };
  expect(errors).toMatchObject([full]);
  expect(await ada.pull()).toMatchObject({ head: recorded });
  await evict();
  expect(await ada.pull()).toMatchObject({ head: recorded });
});

test("durableObjectStore: after SQLITE_FULL, reads continue and a later append succeeds", async () => {
  const answer = await runInDurableObject(env.PLATFORM.getByName("full"), async (_, { storage }) => {
    let isFull = false;
    const store = durableObjectStore({
      sql: storage.sql,
      transactionSync: (work) =>
        storage.transactionSync(() => {
          const result = work();
          if (isFull) throw new Error("database or disk is full: SQLITE_FULL");
          return result;
        }),
    });
    await store.append("full", batch(1));
    isFull = true;
    const failed: unknown = await store.append("full", batch(2)).catch((error: unknown) => error);
    isFull = false;
    const head = await store.head("full");
    const appended = await store.append("full", batch(2));
    return { failed: (failed as { code: string }).code, head, appended };
  });
  expect(answer).toEqual({
    failed: "storage-full",
    head: { kind: "open", cursor: { position: 1, mark: "mark-1" } },
    appended: { kind: "ok" },
  });
});

test("durableObjectStore: no parameter exceeds 1.5 MB, also in an import of 10,000 commits", async () => {
  const actor = "语".repeat(128);
  const largest = await runInDurableObject(env.PLATFORM.getByName("large"), async (_, { storage }) => {
    let bytes = 0;
    const store = durableObjectStore({
      sql: {
        databaseSize: 0,
        exec: (query, ...values) => {
          for (const value of values) bytes = Math.max(bytes, typeof value === "string" ? byteLength(value) : 0);
          return storage.sql.exec(query, ...values);
        },
      },
      transactionSync: (work) => storage.transactionSync(work),
    });
    // The log exists, because otherwise no id can be known.
    const outcome = { commit: crypto.randomUUID(), actor, received: 1, text: "{}" };
    await store.append("large", { ...batch(1), records: [], outcomes: [outcome] });
    const [template] = batch(1).records;
    if (!template) throw new Error("The batch has no record");
    const records = Array.from({ length: 10_000 }, (_, n) => {
      const cursor = { position: n + 1, mark: `mark-${n + 1}` };
      return { ...template, position: n + 1, cursor, commit: crypto.randomUUID(), actor, streams: [] };
    });
    expect(await store.append("large", { ...batch(1), records })).toEqual({ kind: "ok" });
    return bytes;
  });
  expect(largest).toBeGreaterThan(1_000_000);
  expect(largest).toBeLessThan(1_500_000);
});

function batch(position: number): Append {
  const cursor = (at: number) => ({ position: at, mark: `mark-${at}` });
  return {
    expected: position === 1 ? null : cursor(position - 1),
    records: [
      {
        position,
        cursor: cursor(position),
        commit: `commit-${position}`,
        actor: "ada",
        streams: [{ stream: "task/t1", first: position, last: position }],
        text: "{}",
      },
    ],
    outcomes: [],
    forgetOutcomesBefore: 0,
    outcomesPerActorMax: 10,
  };
}
