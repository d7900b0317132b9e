// The end-to-end tests rely on two things: a profile that survives its browser, and a network that can be cut.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { engine, freshProfile } from "./support/browser.ts";
import { type TcpProxy, tcpProxy } from "./support/tcp-proxy.ts";

const server = createServer((_, response) =>
  response.setHeader("content-type", "text/html").end("<title>Dacapo</title>"),
);
let network: TcpProxy;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  network = await tcpProxy((server.address() as AddressInfo).port);
});

afterAll(async () => {
  await network[Symbol.asyncDispose]();
  server.close();
});

// WebKit's storage is in memory while it is automated.
test.runIf(engine !== "webkit")("profile: a page's stored data is there after the browser restarts", async () => {
  await using profile = await freshProfile();
  const url = `http://localhost:${network.port}/`;
  const first = await profile.launch();
  const page = await first.newPage();
  await page.goto(url);
  await page.evaluate(() => localStorage.setItem("task", "milk"));
  await first.close();

  const again = await (await profile.launch()).newPage();
  await again.goto(url);
  expect(await again.evaluate(() => localStorage.getItem("task"))).toBe("milk");
});

test("tcp proxy: cut fails a request, stall keeps it waiting, and up lets it arrive", async () => {
  const ask = (signal?: AbortSignal) =>
    fetch(`http://127.0.0.1:${network.port}/`, { headers: { connection: "close" }, ...(signal && { signal }) });
  expect((await ask()).status).toBe(200);

  network.cut();
  await expect(ask()).rejects.toThrow("fetch failed");

  network.stall();
  await expect(ask(AbortSignal.timeout(200))).rejects.toThrow("timeout");
  const waiting = ask();
  network.up();
  expect((await waiting).status).toBe(200);
});
