// The room of an object: appends are checked before they are written, and reads continue when it is full.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
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
  // The writer tries a failed append twice.
  const [warning, ...errors] = app.errors.splice(0);
  expect(warning).toMatchObject({
    code: "storage-full",
    message: expect.stringMatching(/^The storage of this log is (8|9)\d % full$/) as string,
  });
  const full = { message: "The storage of this log is full", details: { bytesMax: 250_000 } };
  expect(errors).toMatchObject([full, full]);
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
