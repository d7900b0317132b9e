// The gate of live sockets: the response to each upgrade request that it refuses, and the way in.
import { expect, test } from "vitest";
import { bearer, type LogEntry, type SyncServerOptions } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { task } from "../../../support/board-domain.ts";
import { fakeSocket, positionsIn, settled } from "../../../support/live-scene.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { person, testServer, tokens } from "../../../support/sync-requests.ts";

function gate(options: Partial<SyncServerOptions> = {}) {
  const server = testServer(options);
  const ada = person(server, "ada");
  return {
    server,
    ada,
    ticket: async (log = "board") => {
      const response = await person(server, "ada", { log }).request("tickets", {});
      return parseOwnJson<{ ticket: string }>(await response.text()).ticket;
    },
    /** Opens a socket, and returns "accepted" or the status and the code of the refusal. */
    open: async (query: string, { log = "board", ...init }: RequestInit & { log?: string } = {}) => {
      const opening = await server.live.open(new Request(`http://localhost/logs/${log}/live?${query}`, init), log);
      if (opening.kind === "accepted") return { opening, answer: "accepted" };
      const { error } = parseOwnJson<{ error: { code: string } }>(await opening.response.text());
      return { opening, answer: `${opening.response.status} ${error.code}` };
    },
  };
}

test("P21 live: a ticket opens one socket of its log", async () => {
  const { open, ticket } = gate();
  const one = await ticket();
  expect((await open("")).answer).toBe("401 unauthorized");
  expect((await open("ticket=none")).answer).toBe("401 unauthorized");
  expect((await open(`ticket=${one}`, { log: "other" })).answer).toBe("401 unauthorized");
  expect((await open(`ticket=${one}`)).answer).toBe("accepted");
  expect((await open(`ticket=${one}`)).answer).toBe("401 unauthorized");
});

test("live: a request of another form is refused, and its ticket still opens a socket", async () => {
  const { open, ticket } = gate();
  const one = await ticket();
  expect((await open(`ticket=${one}`, { method: "POST" })).answer).toBe("400 bad-request");
  expect((await open(`ticket=${one}`, { log: "~board" })).answer).toBe("400 bad-request");
  expect((await open(`ticket=${one}&after=x`)).answer).toBe("400 bad-request");
  expect((await open(`ticket=${one}`)).answer).toBe("accepted");
});

test("P23 live: a page of another origin is refused before its ticket is spent", async () => {
  const { open, ticket } = gate({ origins: ["https://app.example"] });
  const one = await ticket();
  const from = (origin: string) => open(`ticket=${one}`, { headers: { origin } });
  expect((await from("https://evil.example")).answer).toBe("403 origin-refused");
  expect((await from("https://app.example")).answer).toBe("accepted");
});

test("live: a socket gets the records after the cursor of its request", async () => {
  const { open, ticket, ada } = gate();
  const add = (id: string) => ada.commit(task.command.add(id, { title: "Milk", column: "todo" }));
  const { cursor } = await ada.push([add("t1")]);
  await ada.push([add("t2")]);
  for (const [after, expected] of [
    ["", [1, 2]],
    [`&after=${cursor?.position}-${cursor?.mark}`, [2]],
  ] as const) {
    const { opening } = await open(`ticket=${await ticket()}${after}`);
    const socket = fakeSocket();
    if (opening.kind === "accepted") opening.join(socket);
    await settled();
    expect(positionsIn(socket)).toEqual(expected);
    expect(socket.saved[0]).toMatchObject({ log: "board", principal: { actor: "ada" }, presence: null });
  }
});

test("live: a reader who lost the right since the ticket is refused", async () => {
  let mayRead = true;
  const { open, ticket } = gate({ permit: () => mayRead });
  const one = await ticket();
  mayRead = false;
  expect((await open(`ticket=${one}`)).answer).toBe("403 forbidden");
});

test("live: sockets over the limit of an actor are refused", async () => {
  const { open, ticket } = gate({ limits: { socketsPerActorMax: 1 } });
  const first = await open(`ticket=${await ticket()}`);
  if (first.opening.kind === "accepted") first.opening.join(fakeSocket());
  expect((await open(`ticket=${await ticket()}`)).answer).toBe("429 rate-limited");
});

test("live: a server that stops refuses sockets, also if it stops during the check", async () => {
  let whileChecking = (): Promise<void> => Promise.resolve();
  let checks = 0;
  const { server, open, ticket } = gate({ permit: () => whileChecking().then(() => ++checks > 0) });
  const [one, two] = [await ticket(), await ticket()];
  whileChecking = async () => void server.close();
  checks = 0;
  expect((await open(`ticket=${one}`)).answer).toBe("503 restarting");
  // From then on no right is requested.
  expect((await open(`ticket=${two}`)).answer).toBe("503 restarting");
  expect(checks).toBe(1);
});

test("live: each refusal is an entry of the server's log", async () => {
  const entries: LogEntry[] = [];
  const { open, ticket } = gate({ onLog: (entry) => entries.push(entry) });
  await open(`ticket=${await ticket()}`);
  await open("ticket=none");
  expect(entries).toEqual([{ level: "info", event: "refused", log: "board", code: "unauthorized" }]);
});

test("live: a failure of the store is reported, and a refusal is not", async () => {
  const failure = new Error("the disk is broken");
  const errors: unknown[] = [];
  let isBroken = false;
  const spend = () => (isBroken ? Promise.reject(failure) : Promise.resolve(true));
  const { open, ticket } = gate({
    authorize: bearer({ tokens }),
    store: Object.assign(memory(), { tickets: { spend } }),
    onError: (error) => errors.push(error),
  });
  expect((await open("ticket=none")).answer).toBe("401 unauthorized");
  expect(errors).toEqual([]);
  isBroken = true;
  expect((await open(`ticket=${await ticket()}`)).answer).toBe("500 unexpected");
  expect(errors).toEqual([failure]);
});
