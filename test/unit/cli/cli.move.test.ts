// `dacapo move` as a real process, between real SQLite files and a real Postgres.
import { rm } from "node:fs/promises";
import { afterEach, expect, test, vi } from "vitest";
import { bearer, serve } from "../../../src/sync-server/node.ts";
import type { EventStore } from "../../../src/sync-server/stores/event-store.ts";
import { postgres } from "../../../src/sync-server/stores/postgres.ts";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { batch, commitId, outcome, readAll, type Sample, write } from "../../../src/testing/event-store/samples.ts";
import { parsePushAnswer } from "../../../src/core/wire/read-messages.ts";
import { domain, task } from "../../support/board-domain.ts";
import { containing, matching } from "../../support/matchers.ts";
import { resultOf, runCli, startCli } from "../../support/cli.ts";
import { device, until } from "../../support/device.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import { postgresForTests } from "../../support/postgres-for-tests.ts";
import { temporaryFolder } from "../../support/server.ts";
import { person } from "../../support/sync-requests.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
const cluster = postgresForTests();
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function newFolder() {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  return folder;
}

async function contentOf(store: EventStore): Promise<unknown> {
  const logs = await store.logs();
  const content: unknown[] = [await store.id(), logs, await store.droppedLogs()];
  for (const log of logs) content.push(await readAll(store, log), await store.outcomes(log, null, 10_000));
  await store.close();
  return content;
}

test("A5 move: a device and its rejected commit notice nothing when the server moves to Postgres", async () => {
  const folder = await newFolder();
  const url = `${cluster.url}?schema=devices`;
  const authorize = bearer({ tokens: { ada: "ada", "token-of-bob": "bob" } });
  const options = { domain, authorize, hostname: "127.0.0.1" };
  const before = await serve({ ...options, store: sqlite(folder.path("logs.db")), port: 0 });
  const asked: unknown[] = [];
  const ada = await device(domain, "board", "ada").open({
    url: before.url,
    onOtherServer: (ids) => {
      asked.push(ids);
      return Promise.resolve(false);
    },
  });
  cleanUp.push(ada.close);
  for (let n = 0; n < 20; n++) await ada.execute([task.command.add(`t${n}`, { title: "Milk", column: "todo" })]);
  await until(() => ada.status().pending === 0, "the first commits are on the server");
  const request = (path: string, init?: RequestInit) => fetch(`${before.url}${path}`, init);
  const bob = person({ request }, "bob");
  const rejected = bob.commit(task.command.rename("none", { title: "x" }));
  const [answer] = await bob.outcomes(rejected);
  expect(answer).toMatchObject({ outcome: "rejected" });
  await before.close();
  await ada.execute([task.command.add("offline", { title: "Bread", column: "todo" })]);

  const moved = await runCli(["move", "--from", `sqlite:${folder.path("logs.db")}`, "--to", url, "--json"]);
  expect(moved).toMatchObject({ code: 0, stderr: "" });
  expect(moved.json().at(-1)).toMatchObject({ logs: 1, events: 20, outcomes: 1, behind: [], isComplete: true });

  const after = await serve({
    ...options,
    store: postgres({ url: cluster.url, schema: "devices" }),
    port: before.port,
  });
  cleanUp.push(after.close);
  await until(() => ada.status().pending === 0, "the device continues on the new server");
  expect(ada.rows("board").size).toBe(21);
  // No divergence: nothing was sent again, and no app decided about another server.
  expect([asked, ada.statuses.map(({ sentAgain }) => sentAgain).filter((again) => again !== null)]).toEqual([[], []]);
  const again = await request("/logs/board/commits", {
    method: "POST",
    headers: { authorization: "Bearer token-of-bob", "content-type": "application/json" },
    body: JSON.stringify({ after: null, domain: 1, commits: [rejected] }),
  });
  const read = parsePushAnswer(await again.text());
  expect(read.ok && read.value.outcomes).toEqual([answer]);
  expect(await (await request("/logs/board/records", { headers: { authorization: "Bearer ada" } })).text()).toContain(
    '"position":21',
  );
});

/** A commit with a whole record, so that `verify` can read it. */
function sampleOf(commit: number): Sample {
  const [position, mark] = [commit + 1, `mark${commit}`];
  const author = { client: commitId(1), actor: "ann", time: 1, received: 1, meta: "x".repeat(300) };
  const events = [{ type: "TaskCompleted", v: 1, stream: "task/t1", version: position, data: {} }];
  return { commit, mark, text: JSON.stringify({ position, mark, commit: commitId(commit), ...author, events }) };
}

/** A store of many logs, so that a move takes long enough to be killed in the middle. */
async function largeSource(path: string): Promise<void> {
  const store = sqlite(path);
  for (let log = 0; log < 10; log++) {
    const name = `team-${log}`;
    let head = null;
    for (let n = 0; n < 4; n++)
      head = await write(store, name, head, ...Array.from({ length: 400 }, (_, k) => sampleOf(400 * n + k)));
    await store.append(name, batch(head, { outcomes: Array.from({ length: 300 }, (_, n) => outcome(9_000 + n)) }));
  }
  await store.drop("team-99");
  await store.close();
}

test.each([
  ["a SQLite file", 20, async () => ({ path: (await newFolder()).path("new.db"), url: null })],
  ["Postgres", 6, () => Promise.resolve({ path: null, url: cluster.url })],
] as const)(
  "A2 move: killed at random moments on its way to %s, it continues to the same content",
  async (_, killsMin, where) => {
    const folder = await newFolder();
    await largeSource(folder.path("logs.db"));
    const { path, url } = await where();
    let targets = 0;
    const target = () => (path !== null ? `sqlite:${path}` : `${url}?schema=killed_${targets}`);
    const open = () => (path !== null ? sqlite(path) : postgres({ url: url ?? "", schema: `killed_${targets}` }));
    const args = () => ["move", "--json", "--from", `sqlite:${folder.path("logs.db")}`, "--to", target()];
    // A move that is not killed shows how long one takes on this machine.
    const begun = performance.now();
    expect((await runCli(args())).code).toBe(0);
    const wholeMs = performance.now() - begun;
    const fresh = async () => {
      targets++;
      if (path !== null) for (const end of ["", "-wal", "-shm"]) await rm(`${path}${end}`, { force: true });
    };
    await fresh();
    let kills = 0;
    let inTheMiddle = 0;
    while (kills < killsMin || inTheMiddle === 0) {
      const child = startCli(args());
      const result = resultOf(child);
      const timer = setTimeout(() => child.kill("SIGKILL"), wholeMs * (0.2 + 0.7 * Math.random()));
      const { code } = await result;
      clearTimeout(timer);
      // Done before the kill: the next kills need a new target.
      if (code !== null) await fresh();
      else {
        kills++;
        const store = open();
        const names = await store.logs();
        const whole = names.filter((name) => !name.includes(" "));
        // Devices see whole logs only.
        for (const name of whole) expect(await store.head(name)).toMatchObject({ cursor: { position: 1_600 } });
        if (names.length > 0 && whole.length < 10) inTheMiddle++;
        await store.close();
      }
    }
    const last = await runCli(args());
    expect(last.code).toBe(0);
    expect(last.json().at(-1)).toMatchObject({ logs: 10, events: 16_000, outcomes: 3_000, behind: [] });
    const verified = await runCli(["verify", "--store", target(), "--json"]);
    expect([verified.code, verified.stderr]).toEqual([0, ""]);
    expect(await contentOf(open())).toEqual(await contentOf(sqlite(folder.path("logs.db"))));
  },
);

test("move: refuses a target with another log, in words, and changes nothing", async () => {
  const folder = await newFolder();
  const [from, to] = [folder.path("logs.db"), folder.path("other.db")];
  for (const [path, mark] of [
    [from, "one"],
    [to, "two"],
  ] as const) {
    const store = sqlite(path);
    await write(store, "team", null, { commit: 1, mark });
    await store.close();
  }
  const args = ["move", "--from", `sqlite:${from}`, "--to", `sqlite:${to}`];
  expect(await runCli(args)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: matching(/^The target has logs of another server: .*\. Move into an empty store\..*\n$/),
  });
  expect(await runCli([...args, "--keep-target-id"])).toMatchObject({
    code: 1,
    stderr: containing("The target has another log with the name team."),
  });
  expect((await readAll(sqlite(to), "team")).map(({ cursor }) => cursor.mark)).toEqual(["two"]);
});

test("move: prints the progress with the time left for people, and as JSON for programs", async () => {
  const { Progress, timeLeft } = await import("../../../src/cli/base/progress.ts");
  const { Output } = await import("../../../src/cli/base/output.ts");
  let now = 0;
  const lines: string[] = [];
  const streams = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, "write").mockImplementation((text) => lines.push(String(text)) > 0),
  );
  try {
    for (const isJson of [false, true]) {
      now = 0;
      const progress = new Progress(new Output(isJson), () => now);
      progress.report("events", 1_000, 10_000, { log: "team" });
      now = 10_000;
      progress.report("events", 4_000, 10_000, { log: "team" });
      progress.report("events", 4_001, 10_000, { log: "team" });
    }
  } finally {
    for (const stream of streams) stream.mockRestore();
  }
  expect(lines[0]).toBe("4,000 of 10,000 events (40 %), 20 s left\n");
  expect(parseOwnJson(lines[1] ?? "")).toEqual({
    progress: { done: 4_000, total: 10_000, secondsLeft: 20, log: "team" },
  });
  expect(lines).toHaveLength(2);
  expect([40, 300, 7_500].map(timeLeft)).toEqual(["40 s", "5 min", "2 h 5 min"]);
});
