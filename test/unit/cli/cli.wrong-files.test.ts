// Files and addresses that a command cannot use, and commands that meet each other. Real processes and stores.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { resultOf, runCli, startCli } from "../../support/cli.ts";
import { postgresForTests } from "../../support/postgres-for-tests.ts";
import { temporaryFolder } from "../../support/server.ts";
import { person, testServer } from "../../support/sync-requests.ts";
import { task } from "../../support/board-domain.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const cluster = postgresForTests();
let store: string;
/** Enough for several pages of an export. */
const EVENTS = 6_000;

beforeAll(async () => {
  folder = await temporaryFolder();
  store = `sqlite:${folder.path("logs.db")}`;
  const server = testServer({
    store: sqlite(folder.path("logs.db")),
    limits: { commitRate: { perSecond: 1e6, burst: 1e6 } },
  });
  const ada = person(server, "ada");
  for (let n = 0; n < EVENTS; n += 400) {
    const title = "x".repeat(100);
    const add = (k: number) => ada.commit(task.command.add(`t${n + k}`, { title, column: "todo" }));
    const { outcomes } = await ada.push(Array.from({ length: 400 }, (_, k) => add(k)));
    if (outcomes.some(({ outcome }) => outcome !== "recorded")) throw new Error("A commit was not recorded");
  }
  await server.close();
});
afterAll(() => folder.remove());

/** A known error has its sentence and its code, and no stack. */
function expectKnown(
  result: { readonly code: number | null; readonly stderr: string },
  code: number,
  text: string,
): void {
  expect(result.stderr).toContain(text);
  expect(result.stderr).not.toMatch(/\n\s+at |This is a bug/);
  expect(result.code).toBe(code);
}

describe("files that cannot be used", () => {
  test("export: a missing folder, an empty name and a full disk are known errors", async () => {
    const out = folder.path("none/board.ndjson");
    expectKnown(await runCli(["export", "board", "--store", store, "--out", out]), 1, "in a folder that exists");
    expectKnown(await runCli(["export", "board", "--store", store, "--out", ""]), 2, "--out is empty");
    if (!existsSync("/dev/full")) return;
    const json = startCli(["export", "board", "--store", store, "--json"]);
    json.kill("SIGKILL");
    const { args, command } = commandLine(json.spawnargs);
    const full = spawnSync("sh", ["-c", '"$@" > /dev/full', "sh", command, ...args], { encoding: "utf8" });
    expectKnown({ code: full.status, stderr: full.stderr }, 1, "Free some space");
  });

  test("export: a file whose last bytes do not fit does not get its final name", async () => {
    const whole = folder.path("fits.ndjson");
    expect((await runCli(["export", "board", "--store", store, "--out", whole])).code).toBe(0);
    const { size } = statSync(whole);
    if (spawnSync("prlimit", ["--version"]).status !== 0) return;
    const shown = startCli(["export", "board", "--store", store, "--out", folder.path("cut.ndjson")]);
    shown.kill("SIGKILL");
    const { args, command } = commandLine(shown.spawnargs);
    // The system writes as much as fits, and reports an error only for the next byte.
    for (const bytes of [size - 5, Math.floor(size / 2)]) {
      const cut = spawnSync("prlimit", [`--fsize=${bytes}`, command, ...args], { encoding: "utf8" });
      expectKnown({ code: cut.status, stderr: cut.stderr }, 1, "files of this size");
      expect(readdirSync(folder.path(".")).filter((name) => name.startsWith("cut."))).toEqual([]);
    }
  });

  test("export: of two exports into one file, one is written whole and the other is refused", async () => {
    const out = folder.path("both.ndjson");
    const args = ["export", "board", "--store", store, "--out", out];
    const both = await Promise.all([runCli(args), runCli(args)]);
    expect(both.map(({ code }) => code)).toContain(0);
    for (const one of both) if (one.code !== 0) expectKnown(one, 1, "exists already");
    expect(readdirSync(folder.path(".")).filter((name) => name.startsWith("both."))).toEqual(["both.ndjson"]);
    expect((await runCli(["import", out, "--store", "memory:"])).code).toBe(0);
  });

  test("import: a folder is a known error", async () => {
    expectKnown(await runCli(["import", folder.path("."), "--store", "memory:"]), 1, "not of a folder");
  });

  test("import: a line without an end is refused before it fills the memory", async () => {
    const file = folder.path("long.ndjson");
    const first = '{"dacapo":"log","v":1,"log":"board","cursor":null}';
    await writeFile(file, `${first}\n{"record":"${"x".repeat(200_000_000)}`);
    expectKnown(await runCli(["import", file, "--store", "memory:"]), 1, "has a line of more than");
  });

  test("dacapo: a closed stderr does not change the exit code of a command", async () => {
    const child = startCli(["import", folder.path("."), "--store", "memory:"]);
    child.stderr?.destroy();
    await once(child, "exit");
    expect(child.exitCode).toBe(1);
    const listing = startCli(["logs", "--store", store]);
    listing.stderr?.destroy();
    expect((await resultOf(listing)).code).toBe(0);
  });
});

test("export --part-mb: the same command works again after it was stopped", async () => {
  const args = ["export", "board", "--store", store, "--out", folder.path("parts.ndjson"), "--part-mb", "0.1"];
  const child = startCli(args);
  const parts = () => readdirSync(folder.path(".")).filter((name) => name.startsWith("parts."));
  await expect.poll(() => parts().length, { interval: 5, timeout: 20_000 }).toBeGreaterThan(2);
  child.kill("SIGKILL");
  await resultOf(child);
  const { code, stdout } = await runCli(args);
  expect(code).toBe(0);
  const files = stdout.trimEnd().split("\n");
  expect(files.length).toBeGreaterThan(5);
  expect(parts().toSorted()).toEqual(files.map((file) => basename(file)).toSorted());
  const target = `sqlite:${folder.path("parts.db")}`;
  expect((await runCli(["import", ...files, "--store", target])).code).toBe(0);
  expect((await runCli(["logs", "--store", target])).stdout).toContain("6,000  board");
});

describe("Postgres", () => {
  test("a command that reads creates no tables in a database or a schema that has none", async () => {
    const place = `${cluster.url}?schema=typing_error`;
    for (const args of [["logs"], ["events", "board"], ["verify"], ["export", "board"], ["drop", "board", "--yes"]])
      expectKnown(await runCli([...args, "--store", place]), 3, "typing_error of the database has no tables of Dacapo");
    expectKnown(await runCli(["move", "--from", place, "--to", "memory:"]), 3, "has no tables of Dacapo");
    const found = await cluster.query("select 1 from pg_namespace where nspname = 'typing_error'");
    expect(found).toEqual([]);
  });

  const wrong: readonly (readonly [string, string, number, string])[] = [
    ["a port that is no number", "postgres://host:port/db", 2, "Pass a URL such as"],
    ["a missing certificate", "postgres://127.0.0.1:1/db?sslrootcert=/no/file", 2, "existing files of certificates"],
    ["a socket that is missing", "postgres://dacapo@/db?host=/no/folder", 3, "Check that the database runs"],
  ];
  test.each(wrong)("an address with %s is a known error", async (_, url, code, text) => {
    expectKnown(await runCli(["serve", "--open", "--store", url, "--domain", "x"]), 2, "does not exist");
    expectKnown(await runCli(["logs", "--store", url]), code, text);
    expectKnown(await runCli(["import", folder.path("logs.db"), "--store", url]), code, text);
  });

  test("an address that needs TLS, or lacks a password, is a known error", async () => {
    expectKnown(await runCli(["logs", "--store", `${cluster.url}?sslmode=no-verify`]), 3, "the option sslmode");
  });
});

test.each(["sqlite", "postgres"])(
  "import, move: two at once on %s never discard each other's records",
  async (kind) => {
    const target = kind === "sqlite" ? `sqlite:${folder.path("race.db")}` : `${cluster.url}?schema=race`;
    const archive = folder.path(`race-${kind}.ndjson`);
    expect((await runCli(["export", "board", "--store", store, "--out", archive])).code).toBe(0);
    const args = ["import", archive, "--store", target];
    const results = await Promise.all([runCli(args), runCli(args), runCli(args)]);
    expect(results.map(({ code }) => code)).toContain(0);
    for (const result of results)
      if (result.code !== 0) expect(result.stderr).toMatch(/Another program writes|discarded meanwhile|already exists/);
    const { stdout } = await runCli(["verify", "--store", target]);
    expect(stdout).toBe("board is sound: 6,000 events, 6,000 streams, 0 kept outcomes.\n");
  },
);

function commandLine([command = "", ...args]: readonly string[]): {
  readonly command: string;
  readonly args: string[];
} {
  return { command, args };
}
