// Lines of docs/security.md without another test: the server's surface, and claims that a request cannot make.
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { memory } from "../../../src/sync-server/stores/memory.ts";
import { task } from "../../support/board-domain.ts";
import { runningServer } from "../../support/running-server.ts";
import { person, testServer } from "../../support/sync-requests.ts";

const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });
const { start, stopAll } = runningServer();
afterEach(stopAll);

test("routes: no method and no path deletes, imports or pokes a log", async () => {
  const store = memory();
  const server = testServer({ store });
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("t1"))]);
  const archive = await (await ada.request("export")).text();
  const headers = { authorization: "Bearer token-of-ada", "content-type": "application/json" };
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
    for (const path of [
      "",
      "/records",
      "/streams/task/t1",
      "/export",
      "/live",
      "/drop",
      "/import",
      "/importLog",
      "/poke",
    ]) {
      const response = await server.request(`/logs/board${path}`, { method, headers, body: archive });
      expect(response.status, `${method} ${path}`).toBe(404);
    }
  }
  for (const method of ["PUT", "DELETE"])
    for (const path of ["/commits", "/tickets"])
      expect((await server.request(`/logs/board${path}`, { method, headers })).status).toBe(404);
  for (const path of ["/", "/logs", "/logs/", "/metrics", "/debug", "/admin", "/.env", "/logs/board/../../healthz/.."])
    expect((await server.request(path, { headers })).status, path).toBe(404);
  expect(await (await ada.request("export")).text()).toBe(archive);
  expect(await store.logs()).toEqual(["board"]);
});

test("proxy headers: change neither the identity, nor the rights, nor the rates", async () => {
  const server = testServer({
    origins: ["https://app.example"],
    limits: { requestRate: { perSecond: 0.001, burst: 6 } },
  });
  const claims = {
    "x-forwarded-for": "10.0.0.1",
    "x-real-ip": "10.0.0.1",
    forwarded: "for=10.0.0.1;host=app.example;proto=https",
    "x-forwarded-host": "app.example",
    "x-forwarded-proto": "https",
    host: "app.example",
  };
  const ask = (headers: Record<string, string>) =>
    server.request("/logs/board", { headers: { authorization: "Bearer token-of-ada", ...claims, ...headers } });
  expect((await ask({ origin: "https://evil.example" })).status).toBe(403);
  for (const name of [
    "x-user",
    "x-actor",
    "x-forwarded-user",
    "x-remote-user",
    "x-original-url",
    "x-http-method-override",
  ])
    expect((await server.request("/logs/board", { headers: { ...claims, [name]: "ada" } })).status).toBe(401);
  // An actor with another address each time is still the same actor.
  for (let n = 0; n < 6; n++) expect((await ask({ "x-forwarded-for": `10.0.0.${n}` })).status).toBe(200);
  expect((await ask({ "x-forwarded-for": "10.0.0.99" })).status).toBe(429);
});

test("routes: every response has `cache-control: no-store`", async () => {
  const server = testServer();
  const ada = person(server, "ada");
  const answers = [
    ada.request(""),
    ada.request("records"),
    ada.request("streams/task/t1"),
    ada.request("export"),
    ada.request("tickets", {}),
    ada.request("commits", { after: null, domain: 1, commits: [] }),
    ada.request("live"),
    ada.request("nothing"),
    ada.request("records?after=x"),
    server.request("/logs/board"),
    server.request("/healthz"),
    server.request("/readyz"),
    server.request("/logs/board", { method: "OPTIONS" }),
  ];
  for (const answer of answers) expect((await answer).headers.get("cache-control")).toBe("no-store");
});

test("httpServer: refuses a request with two lengths, and does not run the bytes after it", async () => {
  const { port, person: someone } = await start();
  const smuggled = "GET /sync/healthz HTTP/1.1\r\nhost: x\r\n\r\n";
  const head = `POST /sync/logs/board/commits HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token-of-ada\r\ncontent-type: application/json\r\n`;
  const twice = [
    `${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}content-length: 4\r\ncontent-length: 40\r\n\r\nnull${smuggled}`,
    `${head}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}content-length: +4\r\n\r\nnull${smuggled}`,
  ];
  for (const bytes of twice) {
    const answer = await answerTo(port, bytes);
    expect(answer, bytes).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).not.toContain(`"status":"ok"`);
  }
  expect(await someone("ada").pull()).toMatchObject({ head: 0 });
});

function answerTo(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (data) => (answer += data.toString()));
    socket.on("error", () => resolve(answer));
    socket.on("close", () => resolve(answer));
    socket.setTimeout(30_000, () => socket.destroy());
  });
}

test("P22 push: rejects prototype keys, endless depth and invalid text, each commit alone", async () => {
  const before = Object.getOwnPropertyNames(Object.prototype);
  const server = testServer();
  const ada = person(server, "ada");
  const forged = (input: string) =>
    JSON.stringify({ after: null, domain: 1, commits: [ada.commit(add("t1"))] }).replace(
      '{"title":"Milk","column":"todo"}',
      input,
    );
  const deep = "[".repeat(10_000) + "]".repeat(10_000);
  for (const input of [
    '{"title":"Milk","column":"todo","__proto__":{"polluted":1}}',
    '{"title":"Milk","column":"todo","more":{"constructor":{"prototype":{"polluted":1}}}}',
    '{"title":"Milk","column":"todo","prototype":1}',
    `{"title":"Milk","column":${deep}}`,
    '{"title":"\\ud800","column":"todo"}',
    '{"title":"Milk","column":1e400}',
    '{"title":"Milk","column":9007199254740993}',
    "null",
    "[]",
    '"__proto__"',
  ]) {
    const response = await ada.request("commits", forged(input));
    expect(await response.json(), input.slice(0, 60)).toMatchObject({ outcomes: [{ outcome: "rejected" }] });
  }
  for (const stream of ["__proto__/a", "constructor/prototype", "task/../column", "task/a\\u0000", "toString/t1"]) {
    const response = await ada.request(
      "commits",
      JSON.stringify({ after: null, domain: 1, commits: [ada.commit(add("t1"))] }).replace("task/t1", stream),
    );
    expect(await response.json(), stream).toMatchObject({ outcomes: [{ outcome: "rejected" }] });
  }
  expect(await ada.pull()).toMatchObject({ head: 0 });
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  expect("polluted" in {}).toBe(false);
});

test("logs: two logs with the same ids are independent", async () => {
  const server = testServer({ permit: ({ actor }, { log }) => log === `of-${actor}` });
  const [ada, bob] = [person(server, "ada", { log: "of-ada" }), person(server, "bob", { log: "of-bob" })];
  const hers = ada.commit(add("t1", "Ada's secret"));
  const his = { ...bob.commit(add("t1", "Bob's")), id: hers.id, client: hers.client };
  expect(await ada.outcomes(hers)).toMatchObject([{ outcome: "recorded" }]);
  expect(await bob.outcomes(his)).toMatchObject([{ outcome: "recorded" }]);
  expect(JSON.stringify(await bob.pull())).not.toContain("Ada's");
  expect((await person(server, "bob", { log: "of-ada" }).request("records")).status).toBe(403);
  expect(
    (
      await person(server, "ada", { log: "of-bob" }).request("commits", {
        after: null,
        domain: 1,
        commits: [ada.commit(add("t2"))],
      })
    ).status,
  ).toBe(403);
});
