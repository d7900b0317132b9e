// Connections that take their time: they are ended, and nobody waits for them.
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

test("connections that send their headers a byte at a time are ended within seconds, and others are served meanwhile", async () => {
  const { port, person } = await start();
  const slow = Array.from({ length: 200 }, () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    // What the server says before it ends the connection is taken, or the end would not be heard.
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
}, 40_000);
