/** `npm start` in a terminal: the processes that it leaves behind, and its report when the server dies. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { unusedPort } from "./support/unused-port.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

type Started = {
  readonly npm: ChildProcess;
  readonly page: number;
  readonly sync: number;
  readonly printed: () => string;
};

let folder: string;
let started: Started | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-start-"));
});
afterEach(async () => {
  started?.npm.kill("SIGTERM");
  await vi.waitUntil(() => running().size === 0, { timeout: 20_000 });
  if (started) await rm(join(project, `.data/page-${started.page}`), { recursive: true, force: true });
  started = undefined;
  await rm(folder, { recursive: true, force: true });
});

// Only Linux, because other systems have no /proc that lists the processes of a command.
describe.runIf(process.platform === "linux")("npm start", () => {
  test("npm start: a killed npm leaves no server behind, and its ports are free again", async () => {
    started = await start("start");
    const { npm, page, sync } = started;
    expect([await answers(page), await answers(sync)]).toEqual([true, true]);
    expect(running().size).toBeGreaterThan(3);
    const gone = once(npm, "exit");
    npm.kill("SIGKILL");
    await gone;
    await expect.poll(() => running().size).toBe(0);
    expect([await answers(page), await answers(sync)]).toEqual([false, false]);
  });

  test.each(["start", "dev"])(
    "npm run %s: a dead sync server is reported in one sentence, and starts again",
    async (command) => {
      started = await start(command);
      const { page, printed } = started;
      const before = printed().length;
      const [server] = [...running()].find(([, command]) => command.includes("demo/board/server.ts")) ?? [];
      if (server === undefined) throw new Error("The sync server does not run");
      process.kill(Number(server), "SIGKILL");
      await expect.poll(() => printed().slice(before)).toContain("The page keeps working offline");
      const health = () => fetch(`http://localhost:${page}/sync/healthz`).then(({ ok }) => ok);
      await expect.poll(health).toBe(true);
      const lines = printed().slice(before).trim().split("\n");
      expect(lines.filter((line) => line !== "" && !line.startsWith("[sync]"))).toEqual([
        "The sync server was stopped by SIGKILL. The page keeps working offline. It is started again in 1 s.",
      ]);
    },
  );

  test.each(["start", "dev"])(
    "npm run %s: with HOST, another device gets the page, and syncs through it",
    async (command) => {
      started = await start(command, { HOST: "0.0.0.0" });
      // Another address of this machine, where nothing listens that is on localhost only.
      const { page, sync } = started;
      expect(await (await fetch(`http://127.0.0.2:${page}/`)).text()).toContain("<script");
      expect((await fetch(`http://127.0.0.2:${page}/sync/healthz`)).status).toBe(200);
      await expect(fetch(`http://127.0.0.2:${sync}/sync/healthz`)).rejects.toThrow("fetch failed");
    },
  );
});

async function start(command: string, env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const [page, sync] = [await unusedPort(), await unusedPort()];
  const npm = spawn("npm", ["run", command], {
    cwd: project,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PORT: String(sync), PAGE_PORT: String(page), BOARD_DB: join(folder, "board.db"), ...env },
  });
  let printed = "";
  for (const stream of [npm.stdout, npm.stderr]) stream.on("data", (chunk) => (printed += String(chunk)));
  await expect.poll(() => printed).toContain(`Open http://localhost:${page}`);
  return { npm, page, sync, printed: () => printed };
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://localhost:${port}/`).then(
    () => true,
    () => false,
  );
}

/** Ids of the processes that `npm start` of this test left running. Each has its folder in its environment. */
function running(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/environ`, "utf8").includes(folder))
        found.set(pid, readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    } catch {
      // ended meanwhile, or another account's
    }
  }
  return found;
}
