// Starts a sync server for a workload, in a process of its own.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fillChangedLog, fillLog } from "./fill-log.ts";

export type Usage = { readonly cpuMs: number; readonly rssBytes: number };

export type BenchServer = {
  readonly url: string;
  /** The processor time of the server's process so far, and its memory now. */
  readonly usage: () => Promise<Usage>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

export type ServerOptions = {
  /** The origin of the page that may use the server. */
  readonly origin?: string;
  /** Logs that exist from the start, by name: the number of their events, one a commit. SQLite only. */
  readonly logs?: { readonly [log: string]: number };
  /** Logs that exist from the start, with tasks that were renamed again and again. */
  readonly changedLogs?: { readonly [log: string]: { readonly events: number; readonly tasks: number } };
  /** The events until a log gets a base. 0: no bases. @default 0 */
  readonly base?: number;
  /**
   * The store. `floor` is no sync server: it only reads and writes HTTP and JSON. `decide` is a sync server whose
   * store keeps nothing.
   *
   * @default "sqlite"
   */
  readonly kind?: "sqlite" | "postgres" | "floor" | "decide";
  /** The address of Postgres. SQLite has a file of its own. */
  readonly address?: string;
  /** The folder of another checkout, whose server runs. */
  readonly checkout?: string;
};

export async function startServer({
  origin = "",
  logs = {},
  changedLogs = {},
  base = 0,
  kind = "sqlite",
  address,
  checkout,
}: ServerOptions = {}): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-bench-server-"));
  const file = join(folder, "logs.db");
  for (const [log, events] of Object.entries(logs)) await fillLog(file, log, events);
  for (const [log, { events, tasks }] of Object.entries(changedLogs)) await fillChangedLog(file, log, events, tasks);
  const profile = process.env["BENCH_PROFILE"];
  const child = fork(
    checkout
      ? join(checkout, "bench/support/server.program.ts")
      : fileURLToPath(new URL("server.program.ts", import.meta.url)),
    [kind, address ?? file, origin, String(base)],
    {
      execArgv: [
        "--conditions=dacapo-source",
        ...(process.env["BENCH_NODE"]?.split(" ") ?? []),
        ...(profile ? ["--cpu-prof", `--cpu-prof-name=${kind}.cpuprofile`, `--cpu-prof-dir=${profile}`] : []),
      ],
    },
  );
  const url = await Promise.race([
    once(child, "message").then(([told]: unknown[]) => String(told)),
    once(child, "exit").then(() => Promise.reject(new Error("The sync server stopped before it listened"))),
  ]);
  return {
    url,
    usage: async () => {
      child.send("usage");
      const usage = await once(child, "message").then(([told]: unknown[]) => told);
      if (!isUsage(usage)) throw new Error("The sync server did not report its usage");
      return usage;
    },
    [Symbol.asyncDispose]: async () => {
      // Node writes a profile only if the program ends by itself.
      if (profile) child.send("exit");
      else child.kill();
      await once(child, "exit");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isUsage(value: unknown): value is Usage {
  return typeof value === "object" && value !== null && "cpuMs" in value && "rssBytes" in value;
}
