// The Postgres of the tests. `findPostgres` searches the usual places. `ensurePostgres` may also install Debian's
// package.
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./programs.ts";

/** The folder of `initdb` and `postgres`, or undefined if this machine has none. */
export function findPostgres(): string | undefined {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    ...globSync("/usr/lib/postgresql/*/bin").toSorted().toReversed(),
    ...globSync("/opt/homebrew/opt/postgresql*/bin"),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

export async function ensurePostgres(): Promise<string | undefined> {
  const present = findPostgres();
  if (present || !isDebianRoot()) return present;
  console.log("There is no Postgres on this machine. Installing Debian's package …");
  const quiet = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run({ file: "apt-get", args: [...quiet, "update"], env });
  await run({ file: "apt-get", args: [...quiet, "install", "-y", "--no-install-recommends", "postgresql"], env });
  return findPostgres();
}

export const howToGetPostgres =
  "The tests of the Postgres store are skipped, because this machine has no Postgres and it could not be installed. " +
  "Install the package postgresql with your system's package manager to run them.";

function isDebianRoot(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  return spawnSync("which", ["apt-get"]).status === 0;
}
