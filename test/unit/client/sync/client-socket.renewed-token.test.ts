// Tokens of a few seconds: the socket stays open, without another ticket, another pull or a change of presence.
import { afterEach, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});

/** The last useful renewal comes a quarter of it before the end, and a busy machine may stop for a second. */
const TOKEN_MS = 6_000;

test("socket: short tokens renew an open socket, and nothing else happens", async () => {
  const requests: string[] = [];
  const server = await startServer({
    // A token is its actor and the time when it ends.
    authorize: (request) => {
      const [, actor = "", end = ""] = /^Bearer (\w+)\.(\d+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
      if (actor === "ada") requests.push(new URL(request.url).pathname.replace(/^.*\//, ""));
      return Number(end) > Date.now() ? { actor, expiresAt: Number(end) } : null;
    },
  });
  ends.push(server.close);
  // The app returns its old token at every second call, as an app does that renews late.
  let end = 0;
  let calls = 0;
  const ada = await device(domain, "team", "ada").open({
    url: server.url,
    token: () => {
      if (calls++ % 2 === 0) end = Date.now() + TOKEN_MS;
      return Promise.resolve(`ada.${end}`);
    },
  });
  const bob = await device(domain, "team", "bob").open({
    url: server.url,
    token: () => Promise.resolve(`bob.${Date.now() + 3_600_000}`),
  });
  ends.push(ada.close, bob.close);
  unwrap(ada.api.setPresence("here"));
  const shown = () => (bob.update().presence ?? []).map(({ data }) => data);
  await until(() => ada.status().connection === "live" && shown().length === 1, "Bob sees Ada");
  // A call in between, so that the count of calls below starts after the last one that is due.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = requests.filter((path) => path !== "live").length;

  const renewals = () => requests.filter((path) => path === "live").length;
  const seen = new Set<string>();
  while (renewals() < 3) {
    seen.add(`${JSON.stringify(shown())} ${ada.status().connection}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect([...seen]).toEqual(['["here"] live']);
  expect(requests.filter((path) => path !== "live")).toHaveLength(before);
  // The socket still reports records.
  unwrap(await bob.execute([task.command.add("b1", { title: "Milk", column: "todo" })], null, null));
  await until(() => ada.rows(board.name).has("task/b1"), "Ada gets Bob's card");
  expect(requests.filter((path) => path !== "live")).toHaveLength(before);
});
