// Functions of the app that fail: `sync.token` and `sync.headers`. The status names them.
import { afterEach, expect, test, vi } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { httpTransport, type HttpTransportOptions } from "../../../../src/client/sync/http-transport.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { type RunningServer, startServer } from "../../../support/server.ts";

let server: RunningServer | null = null;
let tab: Tab | null = null;
afterEach(async () => {
  await tab?.close();
  await server?.close();
  tab = server = null;
});

async function open(more: Partial<HttpTransportOptions>): Promise<Tab> {
  server = await startServer();
  const { url } = server;
  const transport = () => httpTransport({ url, log: "board", token: async () => "ada", env: browserEnv, ...more });
  return (tab = await device(domain, "board", "ada").open({ url, transport }));
}

test.each([
  ["sync.token", "token"],
  ["sync.headers", "headers"],
] as const)("status: names %s while it throws, and syncs again after it works", async (name, option) => {
  let isBroken = true;
  const given = { token: "ada", headers: {} };
  const opened = await open({
    [option]: async () => {
      if (isBroken) throw new TypeError("no session");
      return given[option];
    },
  });
  unwrap(await opened.execute([task.command.add("t1", { title: "Milk", column: "todo" })]));
  await until(() => opened.status().error !== null, "the function is named");
  expect(opened.status()).toMatchObject({
    connection: "offline",
    pending: 1,
    stuck: null,
    error: {
      code: "unexpected",
      message: `The app's function ${name} failed: TypeError: no session`,
      retry: "later",
      details: { function: name },
    },
  });
  isBroken = false;
  await until(() => opened.status().pending === 0 && opened.status().position === 1, "the device syncs again");
  expect(opened.status().error).toBeNull();
});

test("status: shows no error of sync.token before the server answers, and then names it", async () => {
  const { port, close } = await startServer();
  await close();
  let calls = 0;
  const url = `http://127.0.0.1:${port}`;
  const transport = () =>
    httpTransport({
      url,
      log: "board",
      token: async () => {
        calls++;
        throw new TypeError("Failed to fetch");
      },
      env: browserEnv,
    });
  tab = await device(domain, "board", "ada").open({ url, transport });
  const { status } = tab;
  unwrap(await tab.execute([task.command.add("t1", { title: "Milk", column: "todo" })]));
  await until(() => calls > 2, "the function failed twice");
  expect(status()).toMatchObject({ connection: "offline", pending: 1, stuck: null, error: null });
  server = await startServer({ port });
  await until(() => status().error !== null, "the server answers, so the function is at fault");
  expect(status().error).toMatchObject({ code: "unexpected", details: { function: "sync.token" } });
});

test("httpTransport: names the app's function that does not resolve in time", async () => {
  server = await startServer();
  const transport = httpTransport({
    url: server.url,
    log: "board",
    token: async () => "ada",
    headers: () => new Promise(() => {}),
    env: { ...browserEnv, setTimer: (run, delayMs) => browserEnv.setTimer(run, delayMs / 1_000) },
  });
  await expect(transport.pull(null, null)).rejects.toMatchObject({
    code: "unexpected",
    retry: "later",
    details: { function: "sync.headers" },
  });
});

test.each(["omit", "include"] as const)(
  "httpTransport: sends cookies as `credentials` says after a token function failed (%s)",
  async (credentials) => {
    const { url } = (server = await startServer());
    const sent = vi.spyOn(globalThis, "fetch");
    const token = () => Promise.reject(new TypeError("no session"));
    const transport = httpTransport({ url, log: "board", token, env: browserEnv, credentials });
    await expect(transport.pull(null, null)).rejects.toMatchObject({ code: "unexpected" });
    expect(sent.mock.calls.map(([, init]) => [init?.method, init?.credentials])).toEqual([["HEAD", credentials]]);
    sent.mockRestore();
  },
);
