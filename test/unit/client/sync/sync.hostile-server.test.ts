// A hostile server that lies, cuts connections and sends garbage: the client does not crash, stores none of it, loses
// no pending work, and continues once the server behaves.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { type RunningServer, startServer } from "../../../support/server.ts";
import { expectUntouched } from "../../../support/hostile-json.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

type Script = {
  readonly push?: Answer;
  readonly pull?: Answer;
  readonly ticket?: Answer;
  readonly info?: Answer;
  readonly socket?: (frames: (text: string | Buffer) => void, close: () => void) => void;
};
/** The answer instead of the honest one; null: the honest one. `asked` counts the requests of this kind. */
type Answer = (
  asked: number,
  request: { readonly body: string; readonly url: string },
) =>
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body: string }
  | "hang-up"
  | "endless"
  | null;

let honest: RunningServer;
let front: Server;
let sockets: WebSocketServer;
let script: Script;
let url: string;
let tab: Tab | null;
/** Bytes of the endless answers, and how many of them the client cut. */
let endless: { bytes: number; ended: number };
let asked: Record<"push" | "pull" | "ticket" | "info", number>;

vi.setConfig({ testTimeout: 60_000 });

beforeEach(async () => {
  endless = { bytes: 0, ended: 0 };
  [script, tab, asked] = [{}, null, { push: 0, pull: 0, ticket: 0, info: 0 }];
  honest = await startServer();
  sockets = new WebSocketServer({ noServer: true });
  // The honest server may close during a request, at the end of a test.
  front = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  front.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    if (!script.socket) return socket.destroy();
    return sockets.handleUpgrade(request, socket, head, (one) => {
      one.on("error", () => one.terminate());
      script.socket?.(
        (text) => one.send(text, { binary: typeof text !== "string" }),
        () => one.terminate(),
      );
    });
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const address = front.address();
  url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/sync`;
});
afterEach(async () => {
  script = {};
  await tab?.close();
  sockets.clients.forEach((one) => one.terminate());
  front.closeAllConnections();
  await new Promise((resolve) => front.close(resolve));
  await honest.close();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const path = request.url ?? "";
  const kind = path.endsWith("/commits")
    ? "push"
    : path.includes("/records")
      ? "pull"
      : path.endsWith("/tickets")
        ? "ticket"
        : "info";
  const scripted = script[kind]?.(asked[kind]++, { body, url: path }) ?? null;
  if (scripted === "hang-up") return void response.destroy();
  if (scripted === "endless") return sendEndlessly(response);
  if (scripted)
    return void response
      .writeHead(scripted.status ?? 200, { "content-type": "application/json", ...scripted.headers })
      .end(scripted.body);
  const headers = { authorization: request.headers.authorization ?? "", "content-type": "application/json" };
  const real = await fetch(`${honest.url.replace(/\/sync$/, "")}${path}`, {
    method: request.method ?? "GET",
    headers,
    ...(request.method === "POST" && { body }),
  });
  response.writeHead(real.status, { "content-type": "application/json" }).end(await real.text());
}

function sendEndlessly(response: ServerResponse): void {
  const piece = Buffer.alloc(1024 * 1024, " ");
  response.on("close", () => endless.ended++);
  const go = (): void => {
    do {
      if (response.destroyed) return;
      endless.bytes += piece.length;
    } while (response.write(piece));
    response.once("drain", go);
  };
  go();
}

const client = "0193a1cf-0d55-7b0e-9d01-77a1c2b3d4e5";
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const record = (position: number, more: object = {}) => ({
  position,
  mark: `evil${position}`,
  commit: crypto.randomUUID(),
  client,
  actor: "mallory",
  time: 1,
  received: 1,
  meta: null,
  events: [
    { type: "TaskAdded", v: 1, stream: `task/evil${position}`, version: 1, data: { title: "Evil", column: "todo" } },
  ],
  ...more,
});
const page = (records: readonly { readonly position: number; readonly mark: string }[], more: object = {}) => {
  const last = records.at(-1);
  return {
    after: null,
    records,
    cursor: last ? `${last.position}-${last.mark}` : null,
    head: last?.position ?? 0,
    more: false,
    ...more,
  };
};
const pushAnswer = (more: object) => JSON.stringify({ outcomes: [], ...page([]), ...more });
const firstId = (body: string): string => parseOwnJson<{ commits: { id: string }[] }>(body).commits[0]?.id ?? "";

/**
 * Opens a tab on the hostile server and executes commands. Returns a function that makes the server honest and waits.
 */
async function workUnder(hostile: Script, ms = 700): Promise<() => Promise<void>> {
  script = hostile;
  const opened = await device(domain, "team", "ada").open({ url });
  tab = opened;
  const commits: string[] = [];
  for (const id of ["t1", "t2", "t3"]) commits.push(unwrap(await opened.execute([add(id)], null, null)).commit);
  await new Promise((resolve) => setTimeout(resolve, ms));
  expectUntouched();
  return async () => {
    script = {};
    // The page becomes visible again and again, because that ends the waits after failures.
    const looking = setInterval(() => opened.api.lifecycle("visible"), 200);
    try {
      await until(() => opened.status().pending === 0, "all pending work has ended");
      for (const commit of commits)
        expect(unwrap(await opened.api.settled(commit)).settled.outcome).toMatch(/accepted|rebased/);
      expect([...opened.rows(board.name).keys()].filter((key) => /t[123]$/.test(key)).sort()).toEqual([
        "task/t1",
        "task/t2",
        "task/t3",
      ]);
    } finally {
      clearInterval(looking);
    }
    expectUntouched();
  };
}

const expectNothingTaken = (): void => {
  expect(tab?.status()).toMatchObject({ pending: 3, position: 0 });
  expect([...(tab?.rows(board.name).keys() ?? [])].sort()).toEqual(["task/t1", "task/t2", "task/t3"]);
};

describe("hostile server: invalid answers are not stored, and work continues afterwards", () => {
  const bodies: Record<string, string> = {
    "a page of a portal": "<!doctype html><title>Sign in to the hotel</title>",
    nothing: "",
    "not an object": "[]",
    "wrong types": '{"outcomes":{},"after":1,"records":"x","cursor":[],"head":"9","more":"no"}',
    "a forged prototype":
      '{"__proto__":{"polluted":true},"outcomes":[],"after":null,"records":[],"cursor":null,"head":0,"more":false,"constructor":{"prototype":{"polluted":true}}}',
    "a hole": pushAnswer(page([record(1), record(3)])),
    "a beginning behind the cursor": pushAnswer(page([record(7)])),
    "a cursor that is not that of the last record": pushAnswer({ ...page([record(1)]), cursor: "9-evil9" }),
    "a record without events": pushAnswer(page([record(1, { events: [] })])),
    "data with a forged prototype": pushAnswer(page([record(1)])).replace(
      '"title":"Evil"',
      '"title":"Evil","__proto__":{"polluted":true}',
    ),
    "data nested a thousand times": pushAnswer(page([record(1)])).replace(
      '"Evil"',
      `${"[".repeat(1_000)}${"]".repeat(1_000)}`,
    ),
    "a million levels": "[".repeat(1_000_000),
    "numbers beyond numbers": pushAnswer(page([record(1)])).replace('"head":1', '"head":1e400'),
    "a stream that is a path": pushAnswer(page([record(1)])).replace("task/evil1", "task/../evil1"),
  };
  for (const [name, body] of Object.entries(bodies)) {
    test(`hostile server: survives ${name}`, async () => {
      const wrong: Answer = () => ({ body });
      const expectWorkToSettle = await workUnder({ push: wrong, pull: wrong, ticket: wrong, info: wrong }, 300);
      if (name !== "a forged prototype") expectNothingTaken();
      await expectWorkToSettle();
    });
  }

  test("hostile server: redirects, bare errors and broken connections change nothing", async () => {
    const answers: ReturnType<Answer>[] = [
      { status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" },
      { status: 500, body: "<h1>Oops</h1>" },
      "hang-up",
      { status: 429, body: "{}", headers: { "retry-after": "soon" } },
      { status: 200, headers: { "content-length": "100000" }, body: "{" },
      { status: 204, body: "" },
      { status: 503, body: '{"error":{"code":"x","message":"x","retry":"later","retryAfterMs":-5}}' },
    ];
    const each: Answer = (n) => answers[n % answers.length] ?? null;
    const expectWorkToSettle = await workUnder({ push: each, pull: each, ticket: each, info: each });
    expectNothingTaken();
    await expectWorkToSettle();
  });
});

describe("hostile server: valid answers that lie", () => {
  test("hostile server: outcomes for commits that nobody sent settle nothing", async () => {
    const outcomes = [
      { id: crypto.randomUUID(), outcome: "empty" },
      { id: crypto.randomUUID(), outcome: "rejected", command: 0, code: "no", message: "no" },
    ];
    const expectWorkToSettle = await workUnder({
      push: () => ({ body: pushAnswer({ outcomes }) }),
      pull: () => ({ body: JSON.stringify(page([])) }),
    });
    expectNothingTaken();
    await expectWorkToSettle();
  });

  test("hostile server: `recorded` without the record settles nothing", async () => {
    const expectWorkToSettle = await workUnder({
      push: (_, { body }) => ({
        body: pushAnswer({ outcomes: [{ id: firstId(body), outcome: "recorded", at: "1-evil1" }] }),
      }),
      pull: () => ({ body: JSON.stringify(page([])) }),
    });
    expectNothingTaken();
    await expectWorkToSettle();
  });

  test("hostile server: another author's record under an own id settles nothing", async () => {
    const expectWorkToSettle = await workUnder({
      push: (_, { body }) => ({ body: pushAnswer(page([record(1, { commit: firstId(body) })])) }),
      pull: (_, { url }) => ({
        body: JSON.stringify(
          url.includes("after=") ? page([], { after: "1-evil1", cursor: "1-evil1", head: 1 }) : page([]),
        ),
      }),
    });
    expect(tab?.status().pending).toBe(3);
    await expectWorkToSettle();
    expect(tab?.rows(board.name).has("task/evil1")).toBe(false);
  });

  test("hostile server: an endless `more` and an unreachable head cause few calls and lose no work", async () => {
    const endless: Answer = (_, { url }) => {
      const after = /after=([^&]+)/.exec(url)?.[1] ?? null;
      return { body: JSON.stringify(page([], { after, cursor: after, head: 1_000_000, more: true })) };
    };
    const expectWorkToSettle = await workUnder(
      { pull: endless, info: endless, push: () => ({ body: pushAnswer({ head: 1_000_000, more: true }) }) },
      2_000,
    );
    expect(asked.pull + asked.push).toBeLessThan(400);
    await expectWorkToSettle();
  });

  test("hostile server: an endless answer is cut before it fills the memory", async () => {
    const expectWorkToSettle = await workUnder({
      push: (n) => (n === 0 ? "endless" : "hang-up"),
      pull: () => "hang-up",
      ticket: () => "hang-up",
    });
    await until(() => endless.ended === 1, "the answer is broken off");
    expect(endless.bytes).toBeLessThan(100 * 1024 * 1024);
    expectNothingTaken();
    await expectWorkToSettle();
  });

  test("hostile server: a server that always diverges is called less and less, own work stays", async () => {
    const diverged = { status: 409, body: '{"error":{"code":"diverged","message":"Another log","retry":"after-fix"}}' };
    const expectWorkToSettle = await workUnder(
      { push: () => diverged, pull: () => ({ body: JSON.stringify(page([])) }) },
      2_000,
    );
    expect(asked.push + asked.pull).toBeLessThan(60);
    expectNothingTaken();
    await expectWorkToSettle();
  });

  test("hostile server: the tab executes commands while a page of many megabytes arrives", async () => {
    const records = Array.from({ length: 20_000 }, (_, n) =>
      record(n + 1, {
        events: [{ type: "TaskNoted", v: 1, stream: "task/evil", version: n + 1, data: { text: "x".repeat(500) } }],
      }),
    );
    const expectWorkToSettle = await workUnder(
      { push: () => ({ body: pushAnswer(page(records)) }), pull: () => "hang-up" },
      3_000,
    );
    expect(unwrap(await (tab as Tab).execute([add("t4")], null, null)).commit).toMatch(/-/);
    await expectWorkToSettle();
  });
});

test("hostile server: sockets that close at once, send garbage or report another log", async () => {
  let opened = 0;
  const frames: (string | Buffer)[] = [
    "",
    "null",
    "{",
    '{"type":"records"}',
    `{"type":"records",${JSON.stringify(page([record(1), record(9)])).slice(1)}`,
    '{"type":"bye","code":"gone"}',
    '{"type":"head","head":1e400}',
    Buffer.alloc(1_000),
    "[".repeat(500_000),
    '{"type":"presence","set":[{"client":"x"}],"gone":[]}',
    '{"type":"presence","set":[],"gone":[],"__proto__":{"polluted":1}}',
    `{"type":"records",${JSON.stringify(page([record(5)], { after: "4-evil4" })).slice(1)}`,
  ];
  const honestTicket: Answer = () => ({ body: '{"ticket":"x","expiresInMs":30000}' });
  const expectWorkToSettle = await workUnder(
    {
      ticket: honestTicket,
      socket: (send, close) => {
        const frame = frames[opened++ % (frames.length + 1)];
        if (frame === undefined) return close();
        send(frame);
        // Close it here, because some of these frames do not close the socket on the client.
        setTimeout(close, 20);
      },
    },
    1_500,
  );
  const before = opened;
  const looking = setInterval(() => tab?.api.lifecycle("visible"), 100);
  await until(() => opened - before > frames.length, "each kind of frame was sent").finally(() =>
    clearInterval(looking),
  );
  expect([...(tab?.rows(board.name).keys() ?? [])].sort()).toEqual(["task/t1", "task/t2", "task/t3"]);
  await expectWorkToSettle();
  await until(() => tab?.status().connection !== "offline", "it is not given up");
});
