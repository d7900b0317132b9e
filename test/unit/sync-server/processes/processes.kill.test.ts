// A server that is killed at random while processes run: one reaction to each event, and no timer is lost.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import type { ProcessStatus } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { endLeases, killChild, startChild } from "../../../support/killed-child.ts";
import { problemsOf, receivedEvents } from "../../../support/process-model.ts";
import { seededRandom } from "../../../support/random.ts";
import { temporaryFolder } from "../../../support/server.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** `DACAPO_KILLS=200` kills more often. */
const KILLS = Number(process.env["DACAPO_KILLS"] ?? 20);
const LATE_MS = 700;

type Message = { readonly placed?: number; readonly status?: ProcessStatus };

async function startServer(file: string, first: number, version: number): Promise<ChildProcess> {
  const child = await startChild("process-child.ts", [file, `${first}`, `${LATE_MS}`, `${version}`]);
  undo.push(() => killChild(child));
  return child;
}

async function statusOf(child: ChildProcess): Promise<ProcessStatus | undefined> {
  child.send("status");
  for (;;) {
    const [message] = (await once(child, "message")) as [Message];
    if ("status" in message) return message.status;
  }
}

test(
  "processManager: kill -9 at random times leaves one reaction to each event",
  async () => {
    const folder = await temporaryFolder();
    undo.push(folder.remove);
    const file = folder.path("logs.db");
    const random = seededRandom(11);
    let placed = -1;
    let version = 1;
    for (let killed = 0; killed < KILLS; killed++) {
      // Some of the starts are of a new release, which folds the rows again.
      if (killed % 7 === 6) version++;
      const child = await startServer(file, placed + 1, version);
      child.on("message", (message: Message) => void (placed = Math.max(placed, message.placed ?? -1)));
      const goal = placed + 1 + random.below(6);
      while (placed < goal) await once(child, "message");
      await new Promise((resolve) => setTimeout(resolve, random.below(30)));
      await killChild(child);
      endLeases(file);
    }
    const child = await startServer(file, -1, version);
    for (;;) {
      const status = await statusOf(child);
      expect(status).toMatchObject({ parked: 0, waiting: 0 });
      if (status?.state === "running" && status.behind === 0 && status.commands === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await killChild(child);

    const store = sqlite(file);
    undo.push(() => store.close());
    const events = await receivedEvents(store, "shop");
    const page = await store.models?.rows("shop", "process/fulfilment", "rows", {
      from: null,
      to: null,
      after: null,
      limit: 100_000,
      bytes: 1e9,
    });
    const rows = new Map((page?.rows ?? []).map(([key, text]) => [key, JSON.parse(text ?? "null") as unknown]));
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(problemsOf(events, rows, { lateMs: LATE_MS, isDropSure: true })).toEqual([]);
    expect(events.filter(({ type }) => type === "OrderCancelled").length).toBeGreaterThan(KILLS / 2);
    expect(events.filter(({ type }) => type === "OrderPaid").length).toBeGreaterThan(KILLS / 2);
  },
  Math.max(180_000, KILLS * 15_000),
);
