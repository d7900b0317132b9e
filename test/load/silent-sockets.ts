/**
 * Sockets that never read: the memory that each costs the server while its log grows by much more.
 *
 * Half of them also send endless pings, as frames of the protocol and of WebSocket itself. Each ping requests an
 * answer that the socket never reads.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCommit, pushBody, task } from "../support/http-writer.ts";
import { startServerChild } from "../support/server-child/start.ts";
import { parseOwnJson } from "../support/own-json.ts";

export type SilentResult = { readonly sockets: number; readonly bytesEach: number; readonly sentMegabytes: number };

const ACTOR = "writer";
const RECORD_BYTES = 200_000;
const RECORDS_A_PUSH = 4;

/** Pushes `megabytes` to the log, then again with the sockets in it, and compares the server's memory. */
export async function measureSilentSockets({
  sockets,
  megabytes,
}: {
  readonly sockets: number;
  readonly megabytes: number;
}): Promise<SilentResult> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-silent-"));
  const server = await startServerChild();
  const rate = { perSecond: 1e6, burst: 1e6 };
  const { url, port } = await server.serve({
    store: { file: join(folder, "logs.db") },
    limits: { requestRate: rate, commitRate: rate },
  });
  const open: Socket[] = [];
  try {
    await fill(url, "before", megabytes);
    const before = await server.report();
    for (let n = 0; n < sockets; n++) open.push(await silentSocket(url, port, n % 2 === 1));
    await fill(url, "silent", megabytes);
    const { memory } = await server.report();
    return { sockets, bytesEach: Math.max(0, memory.used - before.memory.used) / sockets, sentMegabytes: megabytes };
  } finally {
    open.forEach((socket) => socket.destroy());
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill(url: string, log: string, megabytes: number): Promise<void> {
  const client = crypto.randomUUID();
  const headers = { authorization: `Bearer ${ACTOR}`, "content-type": "application/json" };
  for (let sent = 0, n = 0; sent < megabytes * 1024 * 1024; sent += RECORD_BYTES * RECORDS_A_PUSH, n++) {
    const commits = Array.from({ length: RECORDS_A_PUSH }, (_, k) => {
      const id = `t${n}-${k}`;
      return makeCommit(ACTOR, client, [
        task.command.add(id, { title: "Large", column: "todo" }),
        task.command.note(id, { text: "x".repeat(RECORD_BYTES) }),
      ]);
    });
    // Push from the newest cursor, because an answer from position 0 holds the whole log.
    const response = await fetch(`${url}/logs/${log}/commits`, {
      method: "POST",
      headers,
      body: pushBody(null, commits),
    });
    if (response.status !== 200) throw new Error(`A push was answered ${response.status}: ${await response.text()}`);
    await response.body?.cancel();
  }
}

/** A socket that reads the handshake and nothing after it. */
async function silentSocket(url: string, port: number, pings: boolean): Promise<Socket> {
  const response = await fetch(`${url}/logs/silent/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer ${ACTOR}` },
  });
  const { ticket } = parseOwnJson<{ ticket: string }>(await response.text());
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  socket.write(
    `GET /sync/logs/silent/live?ticket=${ticket} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${"A".repeat(22)}==\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once("readable", resolve));
  socket.pause();
  if (pings) pingWithoutEnd(socket);
  return socket;
}

/** Sends pings of the protocol within their rate, and pings of WebSocket as fast as possible. Masked with zeros. */
function pingWithoutEnd(socket: Socket): void {
  const text = Buffer.from('{"type":"ping"}');
  const ours = Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
  const theirs = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125)]);
  const many = Buffer.concat(Array.from({ length: 200 }, () => theirs));
  const timer = setInterval(() => {
    if (socket.destroyed) return clearInterval(timer);
    socket.write(ours);
    if (socket.writableLength < 1024 * 1024) for (let n = 0; n < 5; n++) socket.write(many);
  }, 20);
}
