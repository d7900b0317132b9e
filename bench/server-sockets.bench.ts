// `npm run bench -- sockets`: the memory of 1,000 idle sockets on 20 logs: the growth of the server's resident memory,
// on Node and in bare `workerd serve`, each beside sockets without a sync server. Aim: less than 40 kB each.
import { startWorkerd } from "./support/object/workerd.ts";
import { printTable, writeResult } from "./support/results.ts";
import { type BenchServer, startServer } from "./support/server.ts";

const SOCKETS = 1_000;
const LOGS = 20;
/** Opened before the measurement, so that code and caches are there. */
const WARM = 100;
const SETTLE_MS = 2_000;

const rows = [
  { name: "Node", bytesEach: await memoryOfSockets(() => startServer(), "") },
  { name: "Node, sockets alone", bytesEach: await memoryOfSockets(() => startServer({ kind: "floor" }), null) },
  { name: "workerd", bytesEach: await memoryOfSockets(startWorkerd, "/sync") },
  { name: "workerd, sockets alone", bytesEach: await memoryOfSockets(startWorkerd, null) },
];
printTable(
  [`${SOCKETS} idle sockets on ${LOGS} logs`, "kB each"],
  rows.map(({ name, bytesEach }) => [name, (bytesEach / 1_000).toFixed(1)]),
);
writeResult("server-sockets", { sockets: SOCKETS, logs: LOGS, rows });

/** @param prefix the path of the sync server. Null: sockets without a sync server. */
async function memoryOfSockets(start: () => Promise<BenchServer>, prefix: string | null): Promise<number> {
  await using server = await start();
  const open: WebSocket[] = [];
  const openMany = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += 50)
      open.push(
        ...(await Promise.all(
          Array.from({ length: Math.min(50, to - n) }, async (_, k) =>
            connect(
              prefix === null
                ? `${server.url}/bare/live?log=idle-${(n + k) % LOGS}`
                : await liveUrl(`${server.url}${prefix}`, n + k),
            ),
          ),
        )),
      );
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  };
  try {
    await openMany(0, WARM);
    const before = await server.usage();
    await openMany(WARM, WARM + SOCKETS);
    const after = await server.usage();
    return (after.rssBytes - before.rssBytes) / SOCKETS;
  } finally {
    for (const socket of open) socket.close();
  }
}

async function liveUrl(url: string, n: number): Promise<string> {
  const log = `${url}/logs/idle-${n % LOGS}`;
  const response = await fetch(`${log}/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer device-${n}`, "content-type": "application/json" },
    body: "{}",
  });
  const [, ticket] = /"ticket":"([^"]+)"/.exec(await response.text()) ?? [];
  if (ticket === undefined) throw new Error(`The server issued no ticket: ${response.status}`);
  return `${log}/live?ticket=${encodeURIComponent(ticket)}`;
}

async function connect(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace("http", "ws"));
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error(`A socket did not open: ${url}`)));
  });
  return socket;
}
