// Starts a sync server for a workload, and speaks its protocol like a device.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addTask } from "./domain.ts";
import { fillLog } from "./fill-log.ts";

export type BenchServer = {
  readonly url: string;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

export type ServerOptions = {
  /** The origin of the page that may use the server. */
  readonly origin?: string;
  /** Logs that exist from the start, by name: the number of their events, one a commit. */
  readonly logs?: { readonly [log: string]: number };
};

export async function startServer({ origin = "", logs = {} }: ServerOptions = {}): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-bench-server-"));
  const file = join(folder, "logs.db");
  for (const [log, events] of Object.entries(logs)) await fillLog(file, log, events);
  const child = fork(fileURLToPath(new URL("server.program.ts", import.meta.url)), [file, origin], {
    execArgv: ["--conditions=dacapo-source"],
  });
  const url = await Promise.race([
    once(child, "message").then(([told]: unknown[]) => String(told)),
    once(child, "exit").then(() => Promise.reject(new Error("The sync server stopped before it listened"))),
  ]);
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await once(child, "exit");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Pusher = {
  /** Pushes commits of one event each. Returns the milliseconds that the server took. */
  readonly push: (commits: number) => Promise<number>;
};

/** A device that pushes to a log, with its own connection. */
export function openPusher(url: string, log: string, actor: string): Pusher {
  const client = crypto.randomUUID();
  let made = 0;
  let after: string | null = null;
  return {
    async push(commits) {
      const body = JSON.stringify({
        after,
        domain: 1,
        commits: Array.from({ length: commits }, () => commitOf(client, actor, made++)),
      });
      const start = performance.now();
      const response = await fetch(`${url}/logs/${log}/commits`, {
        method: "POST",
        headers: { authorization: `Bearer ${actor}`, "content-type": "application/json" },
        body,
      });
      const text = await response.text();
      const took = performance.now() - start;
      if (!response.ok || text.includes('"rejected"'))
        throw new Error(`The push was refused: ${response.status} ${text.slice(0, 500)}`);
      after = /"cursor":"([^"]+)"/.exec(text.slice(-200))?.[1] ?? after;
      return took;
    },
  };
}

function commitOf(client: string, actor: string, n: number): object {
  const { stream, name, v, input } = addTask(`${client.slice(0, 8)}-${n}`, n);
  return {
    id: crypto.randomUUID(),
    client,
    actor,
    time: Date.now(),
    meta: null,
    commands: [{ stream, seen: 0, reads: [], name, v, input, events: [{ type: "TaskAdded", v: 1, data: input }] }],
  };
}
