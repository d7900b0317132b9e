// Requests to a server whose store fails: a push and a read have one answer, and the device tries again.
import { expect, test } from "vitest";
import { StorageFullError } from "../../../../src/core/values/errors.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../../support/board-domain.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const PATHS = ["", "records", "export", "base", "tickets", "commits"];

async function answersOf(store: EventStore, serverId?: string) {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const ada = person(testServer({ store, onError, base: true, ...(serverId && { serverId }) }), "ada");
  const commits = [ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))];
  const answers = await Promise.all(
    PATHS.map(async (path) => {
      const body = path === "commits" ? { after: null, domain: 1, commits } : path === "tickets" ? {} : undefined;
      const { status, headers } = await ada.request(path, body);
      return `${path} ${status} ${headers.get("retry-after") ?? "-"}`;
    }),
  );
  return { answers, errors };
}

test("a lost store: each request of a log gets 503, and `onError` the reason", async () => {
  const store = sqlite(":memory:");
  await store.close();
  const { answers, errors } = await answersOf(store);
  expect(answers).toEqual(PATHS.map((path) => `${path} 503 1`));
  expect(errors).toSatisfy((all: { code: string }[]) => all.length >= 6 && all.every((e) => e.code === "storage-lost"));
});

test("a full store: a push gets 507, and so does a read that the store refuses", async () => {
  const full = () => Promise.reject(new StorageFullError({ message: "full", fix: "Free some space." }));
  const { answers } = await answersOf(Object.assign(memory(), { append: full, read: full }), "server");
  expect(answers).toContain("commits 507 -");
  expect(answers).toContain("records 507 -");
});

test("a bug: a request stays 500, so that an operator sees the difference", async () => {
  const broken = () => Promise.reject(new Error("a bug"));
  const { answers } = await answersOf(Object.assign(memory(), { read: broken }), "server");
  expect(answers).toContain("records 500 -");
});
