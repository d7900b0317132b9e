// The connection for hints, through a network that forgets it without a word.
import { connect, createServer, type Socket } from "node:net";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { Listener } from "../../../../../src/sync-server/stores/postgres/listener.ts";
import { hasPostgres, postgresForTests } from "../../../../support/postgres-for-tests.ts";

const cluster = postgresForTests();

/** A network between the listener and Postgres, which can forget its connections: no byte, no reset. */
async function forgetfulNetwork(): Promise<{ url: string; forget: () => void; close: () => void }> {
  const sockets: (readonly [near: Socket, far: Socket])[] = [];
  const server = createServer((near) => {
    const far = connect(cluster.port, "127.0.0.1");
    for (const socket of [near, far]) socket.on("error", () => {});
    near.pipe(far).pipe(near);
    sockets.push([near, far]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (!address || typeof address === "string") throw new Error("There is no port");
  return {
    url: `postgres://dacapo@127.0.0.1:${address.port}/postgres`,
    forget: () => {
      for (const [near, far] of sockets) {
        near.unpipe(far);
        far.unpipe(near);
        near.resume();
        far.resume();
      }
    },
    close: () => {
      for (const [near, far] of sockets) {
        near.destroy();
        far.destroy();
      }
      server.close();
    },
  };
}

async function notify(payload: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.url });
  await client.connect();
  await client.query("select pg_notify('hints', $1)", [payload]);
  await client.end();
}

describe.skipIf(!hasPostgres)("Listener", () => {
  test("Listener: notices a connection that vanished without a word, and listens again", async () => {
    const network = await forgetfulNetwork();
    const payloads: string[] = [];
    let connected = 0;
    const listener = new Listener({
      url: network.url,
      channel: "hints",
      onPayload: (text) => payloads.push(text),
      onConnected: () => connected++,
      pingMs: 100,
      answerMsMax: 2_000,
    });
    await expect.poll(() => connected).toBe(1);
    await notify("one");
    await expect.poll(() => payloads).toEqual(["one"]);
    network.forget();
    await expect.poll(() => connected).toBeGreaterThan(1);
    await notify("two");
    await expect.poll(() => payloads).toEqual(["one", "two"]);
    listener.stop();
    network.close();
  });

  test("Listener: stays connected, if an administrator ends idle connections", async () => {
    await cluster.query("create database idle");
    await cluster.query("alter database idle set idle_session_timeout = '1s'");
    const url = cluster.url.replace(/postgres$/, "idle");
    let connected = 0;
    const listener = new Listener({ url, channel: "hints", onPayload: () => {}, onConnected: () => void connected++ });
    await expect.poll(() => connected).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(connected).toBe(1);
    listener.stop();
  });
});
