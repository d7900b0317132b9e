/**
 * Many clients on real servers, on one with SQLite or on several with one Postgres: the time of an answer, losses, and
 * memory.
 *
 * The clients run in two processes, each with its share of the logs. A log is the log of a team or a document.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PostgresCluster } from "../support/postgres-cluster.ts";
import type { ServerReport } from "../support/server-child/messages.ts";
import { startServerChild } from "../support/server-child/start.ts";
import type { ClientsMessage, ClientsRequest, ClientsResult } from "./client-process.ts";

export type LoadOptions = {
  readonly clients: number;
  readonly logs: number;
  readonly seconds: number;
  /** Nodes on one Postgres, or one node on a new SQLite file. */
  readonly shared?: { readonly postgres: PostgresCluster; readonly nodes: number };
  readonly progress: (line: string) => void;
};

export type LoadResult = {
  readonly answerMs: readonly number[];
  readonly lateMs: readonly number[];
  readonly results: readonly ClientsResult[];
  /** The sums over all nodes. */
  readonly start: ServerReport;
  readonly end: ServerReport;
  /** Resident memory, sampled while it ran. */
  readonly samples: readonly { readonly second: number; readonly rss: number }[];
  /** Share of one processor that the nodes used. */
  readonly cpu: number;
};

const PROCESSES = 2;
const WARM_UP_SECONDS = 10;
const SAMPLE_MS = 5_000;
/** Time to open and close a thousand sockets, besides the time for pushes. */
const SLACK_MS = 60_000;
const program = fileURLToPath(new URL("./client-process.ts", import.meta.url));

export async function runLoad({ clients, logs, seconds, shared, progress }: LoadOptions): Promise<LoadResult> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-load-"));
  const servers = await Promise.all(Array.from({ length: shared?.nodes ?? 1 }, () => startServerChild()));
  const store = shared ? { url: shared.postgres.url, schema: "load" } : { file: join(folder, "logs.db") };
  const urls = await Promise.all(servers.map(async (server) => (await server.serve({ store })).url));
  const reportOf = async (gc?: boolean) => sumOf(await Promise.all(servers.map((server) => server.report(gc))));
  const parts = shares(clients, logs).map(
    (of) => new Clients({ urls, logs: of, warmUpSeconds: WARM_UP_SECONDS, seconds }),
  );
  const samples: { second: number; rss: number }[] = [];
  try {
    await Promise.all(parts.map((part) => part.next("open")));
    progress(`${clients} sockets are open on ${logs} logs`);
    parts.forEach((part) => part.goOn());
    await Promise.all(parts.map((part) => part.next("warm")));
    const start = await reportOf();
    parts.forEach((part) => part.goOn());
    const began = performance.now();
    const sampling = setInterval(async () => {
      const report = await reportOf(false);
      const second = (performance.now() - began) / 1000;
      samples.push({ second, rss: report.memory.rss });
      progress(
        `${second.toFixed(0).padStart(4)} s  memory ${megabytes(report.memory.rss)}  event loop late p99 ${report.loopDelayP99Ms.toFixed(0)} ms`,
      );
    }, SAMPLE_MS);
    await Promise.all(parts.map((part) => part.next("pushed"))).finally(() => clearInterval(sampling));
    const elapsedMs = performance.now() - began;
    const end = await reportOf();
    const results = await Promise.all(parts.map((part) => part.finish()));
    return {
      answerMs: results.flatMap(({ answerMs }) => answerMs).sort((a, b) => a - b),
      lateMs: results.flatMap(({ lateMs }) => lateMs).sort((a, b) => a - b),
      results,
      start,
      end,
      samples,
      cpu: (end.cpuMs - start.cpuMs) / elapsedMs,
    };
  } finally {
    parts.forEach((part) => part.kill());
    await Promise.all(servers.map((server) => server.kill()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** The report of several nodes as one. The delay is that of the slowest. */
function sumOf(reports: readonly ServerReport[]): ServerReport {
  return reports.reduce((total, one) => ({
    ...total,
    memory: { used: total.memory.used + one.memory.used, rss: total.memory.rss + one.memory.rss },
    cpuMs: total.cpuMs + one.cpuMs,
    loopDelayP99Ms: Math.max(total.loopDelayP99Ms, one.loopDelayP99Ms),
    failures: total.failures + one.failures,
    firstFailures: [...total.firstFailures, ...one.firstFailures],
    uncaught: [...total.uncaught, ...one.uncaught],
    connections: total.connections + one.connections,
  }));
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** The logs of each process, and how many clients each has. */
function shares(clients: number, logs: number): ClientsRequest["logs"][] {
  const all = Array.from({ length: logs }, (_, n) => ({
    log: `load-${n}`,
    clients: Math.floor(clients / logs) + (n < clients % logs ? 1 : 0),
  }));
  const processes = Math.min(PROCESSES, logs);
  return Array.from({ length: processes }, (_, part) => all.filter((_, n) => n % processes === part));
}

class Clients {
  readonly #child: ChildProcess;
  readonly #came = new Map<string, ClientsMessage>();
  readonly #msMax: number;
  #check: () => void = () => {};

  constructor(request: ClientsRequest) {
    this.#msMax = (request.warmUpSeconds + request.seconds) * 1000 + SLACK_MS;
    this.#child = fork(program, {
      execArgv: ["--conditions=dacapo-source"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (message: ClientsMessage) => {
      this.#came.set(message.is, message);
      this.#check();
    });
    this.#child.on("exit", () => this.#check());
    this.#child.send(request);
  }

  /** Resolves when the process has sent this message. One at a time. */
  next<K extends ClientsMessage["is"]>(kind: K): Promise<Extract<ClientsMessage, { is: K }>> {
    const { promise, resolve, reject } = Promise.withResolvers<Extract<ClientsMessage, { is: K }>>();
    const late = setTimeout(() => reject(new Error(`The clients did not come to "${kind}" in time`)), this.#msMax);
    this.#check = () => {
      const message = this.#came.get(kind);
      // The message was stored under its kind above.
      if (message) resolve(message as Extract<ClientsMessage, { is: K }>);
      else if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        reject(new Error(`The clients ended before "${kind}"`));
    };
    this.#check();
    return promise.finally(() => clearTimeout(late));
  }

  goOn(): void {
    this.#child.send({});
  }

  finish(): Promise<ClientsResult> {
    this.goOn();
    return this.next("done");
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
