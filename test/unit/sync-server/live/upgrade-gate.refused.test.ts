// A refused upgrade, of a client that never closes its side of the connection.
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { attachLive } from "../../../../src/sync-server/node.ts";
import { testServer } from "../../../support/sync-requests.ts";
import { until } from "../../../support/device.ts";

test("attachLive: a refused upgrade leaves no connection open", async () => {
  const http = createServer();
  attachLive(http, testServer(), "");
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  const open = () => new Promise<number>((resolve) => http.getConnections((_, count) => resolve(count)));

  const heard: string[] = [];
  const clients = ["/logs/board/live?ticket=none", "/elsewhere"].map((path) => {
    const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    client.on("data", (data) => heard.push(String(data).slice(0, 12)));
    client.on("error", () => {});
    client.write(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n`,
    );
    return client;
  });
  await until(() => heard.length === 2, "both are refused");
  await until(async () => (await open()) === 0, "no connection is left");
  expect(heard.sort()).toEqual(["HTTP/1.1 401", "HTTP/1.1 404"]);
  for (const client of clients) client.destroy();
  await new Promise((resolve) => http.close(resolve));
});
