// A server that is killed at random while handlers run: each event is handled, in order, with one effect id.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../../support/board-domain.ts";
import { endLeases, killChild, startChild } from "../../../support/killed-child.ts";
import { seededRandom } from "../../../support/random.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const STREAMS = 12;
const EVENTS = 20;
const KILLS = 4;

async function startServer(file: string, calls: string): Promise<ChildProcess> {
  const child = await startChild("subscriber-child.ts", [file, calls]);
  undo.push(() => killChild(child));
  return child;
}

async function statusOf(child: ChildProcess): Promise<{ at: string | null; behind: number; waiting: number }> {
  const answered = once(child, "message");
  child.send("status");
  const [status] = (await answered) as [{ at: string | null; behind: number; waiting: number }];
  return status;
}

type Line = { kind: string; stream: string; version: number; effectId: string; attempt: number };

const hasAll = (lines: readonly Line[]): boolean =>
  new Set(lines.filter(({ kind }) => kind === "done").map(({ stream, version }) => `${stream} ${version}`)).size ===
  STREAMS * EVENTS;

async function readLines(calls: string): Promise<Line[]> {
  const text = await readFile(calls, "utf8").catch(() => "");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [kind = "", stream = "", version, effectId = "", attempt] = line.split(" ");
      return { kind, stream, version: Number(version), effectId, attempt: Number(attempt) };
    });
}

test("subscriber: kill -9 while handlers run loses no event, keeps the order, and executes once", async () => {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const [file, calls] = [folder.path("logs.db"), folder.path("calls.txt")];
  const writer = testServer({ store: sqlite(file) });
  for (let n = 0; n < STREAMS; n++)
    await writer
      .log("board")
      .execute([
        task.command.add(`t${n}`, { title: "0", column: "todo" }),
        ...Array.from({ length: EVENTS - 1 }, (_, version) =>
          task.command.rename(`t${n}`, { title: `${version + 1}` }),
        ),
      ]);
  await writer.log("copies").execute(task.command.add("all", { title: "all", column: "todo" }));
  await writer.close();

  const random = seededRandom(7);
  const cuts: number[] = [0];
  for (let killed = 0; killed < KILLS; killed++) {
    const child = await startServer(file, calls);
    const before = (await readLines(calls)).length;
    const goal = before + 20 + random.below(60);
    // On a busy machine the child may handle all events before this process reads again.
    for (let lines = await readLines(calls); lines.length < goal && !hasAll(lines); lines = await readLines(calls))
      await new Promise((resolve) => setTimeout(resolve, 2));
    await killChild(child);
    cuts.push((await readLines(calls)).length);
    endLeases(file);
  }
  const child = await startServer(file, calls);
  for (;;) {
    const { at, behind, waiting } = await statusOf(child);
    if (at !== null && behind === 0 && waiting === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await killChild(child);

  const lines = await readLines(calls);
  expect(hasAll(lines)).toBe(true);
  const effectIds = new Map<string, Set<string>>();
  for (const { stream, version, effectId } of lines) {
    const key = `${stream} ${version}`;
    effectIds.set(key, (effectIds.get(key) ?? new Set()).add(effectId));
  }
  expect([...effectIds.values()].every(({ size }) => size === 1)).toBe(true);
  expect(new Set([...effectIds.values()].flatMap((ids) => [...ids])).size).toBe(STREAMS * EVENTS);
  const reader = testServer({ store: sqlite(file) });
  undo.push(() => reader.close());
  const notes: string[] = [];
  for await (const event of reader.log("copies").history(task, "all"))
    if (event.type === "TaskNoted") notes.push(JSON.stringify(event.data));
  expect(notes).toHaveLength(STREAMS * EVENTS);
  expect(new Set(notes.map((note) => /t\d+ \d+/.exec(note)?.[0])).size).toBe(STREAMS * EVENTS);
  // In one process a stream continues by one event at a time, and starts the next only after the one before is done.
  for (const [index, from] of cuts.entries()) {
    const last = new Map<string, Line>();
    for (const line of lines.slice(from, cuts[index + 1] ?? lines.length)) {
      const before = last.get(line.stream);
      if (before && line.kind === "start")
        expect(line.version, JSON.stringify([before, line])).toBe(before.version + (before.kind === "done" ? 1 : 0));
      last.set(line.stream, line);
    }
  }
  // A process continues at most behind the events that were done.
  const doneUpTo = new Map<string, number>();
  for (const { kind, stream, version } of lines) {
    if (kind === "start") expect(version).toBeLessThanOrEqual((doneUpTo.get(stream) ?? 0) + 1);
    else doneUpTo.set(stream, Math.max(doneUpTo.get(stream) ?? 0, version));
  }
});
