// Connections that send slowly: the server ends them, and no other connection waits.
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

test("httpServer: ends slow headers within seconds, and serves other connections meanwhile", async () => {
  const { port, person } = await start();
  const slow = Array.from({ length: 200 }, () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    // Read the data that the server sends first, because otherwise the end would not arrive.
    socket.resume();
    socket.write("GET /sync/logs/board HTTP/1.1\r\nhost: x\r\nx-slow: ");
    const timer = setInterval(() => socket.write("a"), 1_000);
    return new Promise<void>((resolve) => {
      socket.on("close", () => {
        clearInterval(timer);
        resolve();
      });
    });
  });
  const ada = person("ada");
  for (let n = 0; n < 5; n++) expect((await ada.request("")).status).toBe(200);
  await Promise.all(slow);
});
