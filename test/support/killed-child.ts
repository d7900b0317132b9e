/** A server in a process of its own, which a test kills as `kill -9` does. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

/** @param script the name of a file in this folder. The child sends its first message when its server runs. */
export async function startChild(script: string, args: readonly string[]): Promise<ChildProcess> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = fork(path, args, { execArgv: ["--conditions=dacapo-source"] });
  await once(child, "message");
  return child;
}

export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** Ends the leases of a killed node, as the end of their 15 seconds does. */
export function endLeases(file: string): void {
  const database = new DatabaseSync(file);
  database.exec("pragma busy_timeout = 5000");
  database.exec("update dacapo_followers set holder = null, held_until = 0");
  database.close();
}
