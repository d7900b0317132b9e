/** A process of clients: it opens them, lets each push once a second, and compares the answers with their logs. */
import { once } from "node:events";
import { readPages } from "../support/http-writer.ts";
import { LoadClient, type LoadCounts } from "./load-client.ts";

export type ClientsRequest = {
  /** The addresses of the nodes. The clients of a log are spread over them. */
  readonly urls: readonly string[];
  /** Clients of each log; no other process has clients of these. */
  readonly logs: readonly { readonly log: string; readonly clients: number }[];
  readonly warmUpSeconds: number;
  readonly seconds: number;
};

export type ClientsResult = {
  readonly answerMs: readonly number[];
  /** Milliseconds by which this process pushed late. */
  readonly lateMs: readonly number[];
  /** Records in the logs at the end. */
  readonly records: number;
  /** Acknowledged commits that are missing, and commits that are there twice. */
  readonly lost: number;
  readonly doubled: number;
  readonly failures: readonly string[];
  readonly frames: number;
  readonly hints: number;
  readonly gaps: number;
  readonly socketsLost: number;
  /** Requests whose connection was lost. */
  readonly resent: number;
};

export type ClientsMessage =
  | { readonly is: "open" }
  | { readonly is: "warm" }
  | { readonly is: "pushed" }
  | ({ readonly is: "done" } & ClientsResult);

const OPENING_AT_ONCE = 50;
const PING_MS = 20_000;

process.on("disconnect", () => process.exit(0));
const messages: readonly unknown[] = await once(process, "message");
// The parent is `run-load`, which sends exactly this.
await run(messages[0] as ClientsRequest);

async function run({ urls, logs, warmUpSeconds, seconds }: ClientsRequest): Promise<void> {
  const counts: LoadCounts = {
    answerMs: [],
    recorded: new Set(),
    failures: [],
    frames: 0,
    hints: 0,
    gaps: 0,
    socketsLost: 0,
    resent: 0,
  };
  const clients = logs.flatMap(({ log, clients }) =>
    Array.from(
      { length: clients },
      (_, n) => new LoadClient({ url: urls[n % urls.length] ?? "", log, actor: `${log}-${n}` }, counts),
    ),
  );
  for (let from = 0; from < clients.length; from += OPENING_AT_ONCE)
    await Promise.all(clients.slice(from, from + OPENING_AT_ONCE).map((client) => client.open()));
  // Draw the moment of each client's push. Otherwise all clients of one log push together, and then no client of it.
  shuffle(clients);
  // All processes begin together, when the last one has opened its sockets.
  const begin = once(process, "message");
  tell({ is: "open" });
  await begin;
  // Read one log after the other, because all at once are a load of their own.
  let pinged = 0;
  const pings = setInterval(() => clients[pinged++ % clients.length]?.ping(), PING_MS / clients.length);
  await pushEachSecond(clients, warmUpSeconds, false);
  await Promise.all(clients.map((client) => client.answered()));
  // Wait, because the parent lets the server collect its garbage, and pushes at that moment measure nothing.
  const measure = once(process, "message");
  tell({ is: "warm" });
  await measure;
  const lateMs = await pushEachSecond(clients, seconds, true);
  await Promise.all(clients.map((client) => client.answered()));

  // The parent measures the server while all sockets are open and no push is under way.
  const go = once(process, "message");
  tell({ is: "pushed" });
  await go;
  const { recorded, answerMs, failures, frames, hints, gaps, socketsLost, resent } = counts;
  const log = await compare(
    urls[0] ?? "",
    logs.map(({ log }) => log),
    recorded,
  );
  clearInterval(pings);
  clients.forEach((client) => client.close());
  tell({ is: "done", answerMs, lateMs, ...log, failures, frames, hints, gaps, socketsLost, resent });
}

/** Spreads the clients' pushes evenly over each second. Returns the lateness of each push. */
async function pushEachSecond(clients: readonly LoadClient[], seconds: number, isMeasured: boolean): Promise<number[]> {
  const late: number[] = [];
  const start = performance.now();
  const step = 1_000 / clients.length;
  for (let turn = 0; turn < clients.length * seconds;) {
    const now = performance.now() - start;
    for (; turn < clients.length * seconds && turn * step <= now; turn++) {
      late.push(now - turn * step);
      clients[turn % clients.length]?.push(isMeasured);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return late;
}

function shuffle(list: unknown[]): void {
  for (let n = list.length - 1; n > 0; n--) {
    const other = Math.floor(Math.random() * (n + 1));
    [list[n], list[other]] = [list[other], list[n]];
  }
}

async function compare(
  url: string,
  logs: readonly string[],
  recorded: ReadonlySet<string>,
): Promise<Pick<ClientsResult, "records" | "lost" | "doubled">> {
  const found = new Set<string>();
  let records = 0;
  for (const log of logs) {
    for await (const page of readPages(url, log, `${log}-0`)) {
      records += page.length;
      for (const { commit } of page) found.add(commit);
    }
  }
  return { records, lost: [...recorded].filter((id) => !found.has(id)).length, doubled: records - found.size };
}

function tell(message: ClientsMessage): void {
  process.send?.(message);
}
