// The usage of the command line: help, exit codes, and errors in words.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../../src/cli/commands/index.ts";
import { runCli } from "../../support/cli.ts";
import { temporaryFolder } from "../../support/server.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

test("dacapo --help: lists each command and the exit codes, and ends with 0", async () => {
  const { code, stdout, stderr } = await runCli(["--help"]);
  expect([code, stderr]).toEqual([0, ""]);
  const { signal } = new AbortController();
  for (const make of commands) expect(stdout).toMatch(new RegExp(`^  ${make({ signal }).name()} `, "m"));
  expect(stdout).toContain("Exit codes: 0 done");
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
});

test("help: each command has an example and the option --json", async () => {
  const { signal } = new AbortController();
  for (const make of commands) {
    let help = "";
    const one = make({ signal }).configureOutput({ writeOut: (text) => (help += text) });
    one.outputHelp();
    expect(help, one.name()).toContain(`Example:\n  dacapo ${one.name()}`);
    expect(help, one.name()).toContain("--json");
  }
});

describe("a wrong command line ends with a code and one or two sentences", () => {
  const cases: readonly (readonly [string, readonly string[], number, string])[] = [
    ["an unknown command", ["serv"], 2, "Did you mean serve?"],
    ["an unknown option", ["logs", "--foo"], 2, "unknown option '--foo'"],
    ["a missing argument", ["events", "--store", "memory:"], 2, "missing required argument 'log'"],
    ["a missing store", ["logs"], 2, "The store is missing. Pass --store sqlite:logs.db"],
    ["a store of another kind", ["logs", "--store", "mysql://ada:secret@host/db"], 2, "mysql://ada:***@host/db is not"],
    ["a missing file", ["logs", "--store", "sqlite:no-such.db"], 3, "The file no-such.db does not exist"],
    ["a Postgres that is down", ["logs", "--store", "postgres://ada:secret@127.0.0.1:1/db"], 3, "ECONNREFUSED"],
    ["an unknown log", ["events", "team-7", "--store", "memory:"], 1, "The store has no log team-7"],
    ["a wrong position", ["events", "a", "--store", "memory:", "--follow", "--after", "x"], 2, "--after is x"],
    ["a drop without --yes", ["drop", "none", "--store", "memory:"], 1, "no log none"],
    ["two equal stores", ["move", "--from", "memory:", "--to", "memory:"], 2, "are the same store"],
    ["one file in two spellings", ["move", "--from", "sqlite:a.db", "--to", "sqlite:./x/../a.db"], 2, "the same store"],
    [
      "one database in two spellings",
      ["move", "--from", "postgres://a:secret@localhost/db", "--to", "postgresql://b@127.0.0.1:5432/db"],
      2,
      "are the same store",
    ],
    ["a missing archive", ["import", "none.ndjson", "--store", "memory:"], 2, "The file none.ndjson does not exist"],
    ["a server without a domain", ["serve", "--store", "memory:"], 2, "Pass --domain ./domain.ts"],
    [
      "a domain that is missing",
      ["serve", "--store", "memory:", "--domain", "no.ts"],
      2,
      "The file no.ts does not exist",
    ],
    ["a folder for a config", ["serve", "--store", "memory:", "--config", "."], 2, ". is a folder. Pass the path of a"],
  ];
  test.each(cases)("%s", async (_, args, exitCode, sentence) => {
    const { code, stdout, stderr } = await runCli(args, { cwd: folder.path(".") });
    expect([code, stdout]).toEqual([exitCode, ""]);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/\n\s+at |secret/);
    expect(existsSync(folder.path("no-such.db"))).toBe(false);
  });
});

test.each([["logs", "--foo"], ["events", "--store", "memory:"], ["move", "--from", "memory:"], ["serv"]])(
  "dacapo --json: a wrong usage is one JSON value on stderr too: %s",
  async (...args) => {
    const { code, stdout, stderr } = await runCli([...args, "--json"], { env: { DACAPO_TO: "" } });
    expect([code, stdout]).toEqual([2, ""]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "definition", exitCode: 2 } });
  },
);

test("dacapo --json: an error is one JSON value with its code", async () => {
  const { code, stderr } = await runCli(["logs", "--json", "--store", "sqlite:no-such.db"]);
  expect(code).toBe(3);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "storage-lost", exitCode: 3 } });
});

describe("a module that cannot be loaded is named with the reason", () => {
  const modules: readonly (readonly [string, string, string])[] = [
    ["no-export.ts", "export const x = 1;", "does not export a domain"],
    ["no-package.ts", 'import "no-such-package";', "Install the package, or write the import with its file extension"],
    ["no-extension.ts", 'import "./task";', "with its file extension"],
    ["throws.ts", 'throw new Error("my reason");', "my reason at file:"],
    ["enum.ts", "enum A { B }\nexport const x = A.B;", "so no enum"],
    ["syntax.mjs", "export const = 1;", "cannot be loaded"],
    ["no-domain.mjs", "export const domain = 7;", "needs `domain`"],
  ];
  test.each(modules)("%s", async (name, text, sentence) => {
    await writeFile(folder.path(name), text);
    const { code, stderr } = await runCli(["serve", "--store", "memory:", "--open", "--domain", name], {
      cwd: folder.path("."),
    });
    expect(stderr).toContain(sentence);
    expect(code).toBe(2);
    expect(stderr).not.toMatch(/\n\s+at |load-module|node_modules/);
  });
});
