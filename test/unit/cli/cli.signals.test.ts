// Signals that end a command while it works, waits for its input, or waits for the reader of its output.
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { postgres } from "../../../src/sync-server/stores/postgres.ts";
import type { EventStore } from "../../../src/sync-server/stores/event-store.ts";
import { batch, commitId, outcome, readAll, type Sample, write } from "../../../src/testing/event-store/samples.ts";
import { printed, resultOf, runCli, startCli } from "../../support/cli.ts";
import { findPostgres } from "../../../scripts/postgres.ts";
import { type PostgresCluster, startPostgres } from "../../support/postgres-cluster.ts";
import { temporaryFolder } from "../../support/server.ts";

const RECORDS = 8_000;
const STOPS = 2;
const cleanUp: (() => Promise<unknown>)[] = [];
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let cluster: PostgresCluster | null = null;

beforeAll(async () => {
  folder = await temporaryFolder();
  const store = sqlite(folder.path("logs.db"));
  let head = null;
  for (let n = 0; n < RECORDS; n += 400)
    head = await write(store, "team", head, ...Array.from({ length: 400 }, (_, k) => sampleOf(n + k)));
  await store.append("team", batch(head, { outcomes: Array.from({ length: 300 }, (_, n) => outcome(90_000 + n)) }));
  await store.close();
  const exported = ["export", "team", "--store", source(), "--out", folder.path("team.ndjson")];
  const { code, stderr } = await runCli(exported);
  if (code !== 0) throw new Error(stderr);
  if (findPostgres() !== undefined) cluster = await startPostgres();
});
afterAll(async () => {
  await cluster?.stop();
  await folder.remove();
});
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const source = (): string => `sqlite:${folder.path("logs.db")}`;

/** A commit with a whole record, so that an import can read it. */
function sampleOf(commit: number): Sample {
  const [position, mark] = [commit + 1, `mark${commit}`];
  const author = { client: commitId(1), actor: "ann", time: 1, received: 1, meta: "x".repeat(300) };
  const events = [{ type: "TaskCompleted", v: 1, stream: "task/t1", version: position, data: {} }];
  return { commit, mark, text: JSON.stringify({ position, mark, commit: commitId(commit), ...author, events }) };
}

/** The content of the log, or null if devices cannot reach the log yet. */
async function contentOf(store: EventStore): Promise<unknown> {
  try {
    const { kind } = await store.head("team");
    return kind === "open" ? [await readAll(store, "team"), await store.outcomes("team", null, 10_000)] : null;
  } finally {
    await store.close();
  }
}

for (const [signal, kind] of [
  ["SIGINT", "sqlite"],
  ["SIGTERM", "postgres"],
  ["SIGKILL", "sqlite"],
  ["SIGKILL", "postgres"],
] as const)
  test.skipIf(kind === "postgres" && findPostgres() === undefined)(
    `A2 import: after ${signal} in the middle, it continues to the same log with ${kind}`,
    async () => {
      const whole = await contentOf(sqlite(folder.path("logs.db")));
      const name = `${kind}-${signal}`;
      const open = () =>
        kind === "sqlite" ? sqlite(folder.path(`${name}.db`)) : postgres({ url: cluster?.url ?? "", schema: name });
      const url = kind === "sqlite" ? `sqlite:${folder.path(`${name}.db`)}` : `${cluster?.url}?schema=${name}`;
      const lines = (await readFile(folder.path("team.ndjson"), "utf8")).split("\n");
      // Each process gets a longer beginning of the archive. So its signal comes in the middle on each machine.
      for (let stop = 1; stop <= STOPS; stop++) {
        const child = startCli(["import", "-", "--store", url, "--json"]);
        const ended = resultOf(child);
        child.stdin?.on("error", () => {});
        child.stdin?.write(`${lines.slice(0, Math.ceil((RECORDS / 3) * stop)).join("\n")}\n`);
        await untilStaged(open, (RECORDS / 3) * (stop - 1) + 1);
        child.kill(signal);
        const { code, stderr } = await ended;
        if (signal === "SIGKILL") expect(child.signalCode).toBe(signal);
        else expect([code, stderr]).toEqual([130, "Stopped. Run the same command again to continue.\n"]);
        expect(await contentOf(open())).toBeNull();
      }
      const last = await runCli(["import", folder.path("team.ndjson"), "--store", url]);
      expect(last).toMatchObject({ code: 0, stderr: "" });
      expect(await contentOf(open())).toEqual(whole);
    },
  );

/** Waits until the unfinished import has so many events. */
async function untilStaged(open: () => EventStore, events: number): Promise<void> {
  for (;;) {
    const store = open();
    const stage = (await store.logs()).find((log) => log.startsWith("team "));
    const head = stage === undefined ? null : await store.head(stage);
    await store.close();
    if (head?.kind === "open" && (head.cursor?.position ?? 0) >= events) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test.each([
  ["export", []],
  ["events", []],
  ["events", ["--follow"]],
] as const)("%s %s: a signal ends it with code 130, although the reader of its output stopped", async (name, more) => {
  const child = startCli([name, "team", ...more, "--store", source()]);
  cleanUp.push(() => Promise.resolve(child.kill("SIGKILL")));
  // Nobody reads the rest of the output, which is larger than each buffer.
  await printed(child, /team|TaskCompleted/);
  child.stdout?.pause();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  expect(await ended).toBe(130);
});
