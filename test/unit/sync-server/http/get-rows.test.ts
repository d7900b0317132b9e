import { afterEach, expect, test } from "vitest";
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import { encodeCursor } from "../../../../src/core/history/record.ts";
import type { SyncServer } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { board, columnCounts, task } from "../../../support/board-domain.ts";
import { type Person, person, testServer } from "../../../support/sync-requests.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function started(options: Parameters<typeof testServer>[0] = {}): SyncServer {
  const server = testServer({ models: [board, columnCounts], ...options });
  servers.push(server);
  return server;
}

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
type Body = {
  readonly rows: readonly { readonly key: string }[];
  readonly at: string | null;
  readonly next: string | null;
};
const get = async (ada: Person, path: string): Promise<{ readonly status: number; readonly body: Body }> => {
  const response = await ada.request(`rows/${path}`);
  return { status: response.status, body: parseOwnJson<Body>(await response.text()) };
};
const code = (name: string) => ({ error: { code: name } });

test("GET rows: an absent log has no rows, and reading creates no log", async () => {
  const store = memory();
  const ada = person(started({ store }), "ada");
  expect(await get(ada, "board")).toEqual({
    status: 200,
    body: { identity: "board@1<task@1", at: null, next: null, parked: 0, rows: [] },
  });
  expect(await store.logs()).toEqual([]);
});

test("GET rows: pages by prefix, range, keys and after join to the whole table", async () => {
  const ada = person(started(), "ada");
  const ids = Array.from({ length: 12 }, (_, n) => `t${String(n).padStart(2, "0")}`);
  const { cursor } = await ada.push(ids.map((id) => ada.commit(add(id))));
  const at = cursor ? encodeCursor(cursor) : "";
  const keysOf = async (query: string) => {
    const found: string[] = [];
    for (let after: string | null = null; ;) {
      const page: Awaited<ReturnType<typeof get>> = await get(
        ada,
        `board?waitMs=9000&at=${at}&${query}${after === null ? "" : `&after=${after}`}`,
      );
      found.push(...page.body.rows.map(({ key }) => key));
      if (page.body.next === null) return found;
      after = page.body.next;
    }
  };
  const names = ids.map((id) => `task/${id}`);
  expect(await keysOf("limit=5")).toEqual(names);
  expect(await keysOf("prefix=task/t0&limit=3")).toEqual(names.slice(0, 10));
  expect(await keysOf("from=task/t03&to=task/t06")).toEqual(names.slice(3, 6));
  expect(await keysOf("key=task/t07&key=task/none&key=task/t01")).toEqual(["task/t01", "task/t07"]);
});

test("GET rows: 300 keys with rows of 1 MB are all read in pages, also by the server's own code", async () => {
  const letters = projection("letters", {
    version: 1,
    from: [task],
    initial: "",
    on: { TaskAdded: (_, { data }) => data.title.padEnd(1_000_000, "x") },
  });
  const server = started({ models: [letters] });
  const ada = person(server, "ada");
  const keys = Array.from({ length: 300 }, (_, n) => `task/t${String(n).padStart(3, "0")}`);
  const { cursor } = await ada.push(keys.map((key) => ada.commit(add(key.slice("task/".length)))));
  const at = cursor ? encodeCursor(cursor) : "";
  const query = ["waitMs=30000", `at=${at}`, ...keys.toReversed().map((key) => `key=${key}`)].join("&");
  const found: string[] = [];
  for (let after: string | null = ""; after !== null;) {
    const page: Awaited<ReturnType<typeof get>> = await get(ada, `letters?${query}&after=${after}`);
    expect(page.status).toBe(200);
    found.push(...page.body.rows.map(({ key }) => key));
    after = page.body.next;
  }
  expect(found).toEqual(keys);
  const first = await server.log("board").rows(letters, { keys });
  expect(first).toMatchObject({ rows: [{ key: keys[0] }], next: keys[0] });
  const last = await server.log("board").rows(letters, { keys, after: "task/t298" });
  expect(last).toMatchObject({ rows: [{ key: keys[299] }], next: null });
});

test("GET rows: a reader of its own write gets it, and a foreign cursor is 409 diverged", async () => {
  const ada = person(started(), "ada");
  for (const id of ["a", "b", "c", "d"]) {
    const { cursor } = await ada.push([ada.commit(add(id))]);
    const { body } = await get(ada, `board?waitMs=9000&at=${cursor ? encodeCursor(cursor) : ""}`);
    expect(body).toMatchObject({ at: cursor && encodeCursor(cursor) });
    expect(JSON.stringify(body)).toContain(`"key":"task/${id}"`);
  }
  expect(await get(ada, "board?at=2-other")).toMatchObject({ status: 409, body: code("diverged") });
  expect(await get(ada, "board?at=99-other&waitMs=1000")).toMatchObject({ status: 409, body: code("diverged") });
});

test("GET rows: 503 rows-building and rows-behind if the rows are not there in time", async () => {
  const store = memory();
  const { models } = store;
  if (!models) throw new Error("The memory store has no models");
  const write = models.write.bind(models);
  let isStopped = true;
  // No write of rows succeeds, as on a node that is always too late.
  models.write = (log, change) => (isStopped ? Promise.resolve({ kind: "moved", followers: [] }) : write(log, change));
  const server = started({ store });
  const ada = person(server, "ada");
  const { cursor } = await ada.push([ada.commit(add("a"))]);
  expect(await get(ada, "board?waitMs=50")).toMatchObject({ status: 503, body: code("rows-building") });
  isStopped = false;
  expect(await get(ada, "board?waitMs=9000")).toMatchObject({ status: 200 });
  isStopped = true;
  const next = await ada.push([ada.commit(add("b"))], cursor);
  const at = next.cursor ? encodeCursor(next.cursor) : "";
  expect(await get(ada, `board?at=${at}&waitMs=50`)).toMatchObject({ status: 503, body: code("rows-behind") });
  expect(await get(ada, "board")).toMatchObject({ status: 200, body: { at: cursor && encodeCursor(cursor) } });
  await expect(server.log("board").rows(board, { at, waitMs: 0 })).rejects.toMatchObject({ code: "rows-behind" });
});

test("GET rows: a waiting reader gets its answer when the server closes", async () => {
  const store = memory();
  const { models } = store;
  if (!models) throw new Error("The memory store has no models");
  models.write = () => Promise.resolve({ kind: "moved", followers: [] });
  const server = started({ store });
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("a"))]);
  const waiting = get(ada, "board?waitMs=30000");
  await server.close();
  expect(await waiting).toMatchObject({ status: 503, body: code("rows-building") });
});

test("GET rows: the answer about an unknown model names it and the known ones, to readers only", async () => {
  const server = started({ permit: ({ actor }) => actor === "ada" });
  const message = async (actor: string, model: string) => {
    const { status, body } = await get(person(server, actor), model);
    return [status, (body as unknown as { readonly error: { readonly message: string } }).error.message] as const;
  };
  expect(await message("ada", "bord")).toEqual([
    404,
    'The server has no read model "bord". Those with rows are board, column-counts.',
  ]);
  const [, cut] = await message("ada", "x".repeat(2_000));
  expect(cut.length).toBeLessThan(200);
  const [status, text] = await message("bob", "bord");
  expect(status).toBe(403);
  expect(text).not.toMatch(/bord|board/);
});

test("GET rows: refuses an unknown model, another version, and a wrong query", async () => {
  const ada = person(started(), "ada");
  await ada.push([ada.commit(add("a"))]);
  expect(await get(ada, "nothing")).toMatchObject({ status: 404, body: code("not-found") });
  expect(await get(ada, "board?version=2")).toMatchObject({ status: 503, body: code("rows-building") });
  expect(await get(ada, "board?version=1&waitMs=9000")).toMatchObject({ status: 200 });
  for (const query of ["limit=0", "limit=5001", "prefix=a&from=b", "key=a&prefix=b", "at=x", "waitMs=-1", "version=x"])
    expect(await get(ada, `board?${query}`), query).toMatchObject({ status: 400, body: code("bad-request") });
});

test("GET rows: an unknown or repeated name in the query is refused, and the known are named", async () => {
  const ada = person(started(), "ada");
  await ada.push([ada.commit(add("a"))]);
  for (const query of ["prefx=task/b", "Prefix=task/b", "keys=task/b", "wait=1", "token=x"]) {
    const response = await ada.request(`rows/board?${query}`);
    expect(response.status, query).toBe(400);
    const { error } = parseOwnJson<{ error: { code: string; message: string } }>(await response.text());
    expect(error).toMatchObject({ code: "bad-request" });
    expect(error.message).toContain(
      "The known ones are key, prefix, from, to, after, limit, at, waitMs, version, older",
    );
    expect(error.message).not.toMatch(/prefx|Prefix|keys|wait,|token/);
  }
  for (const query of ["prefix=task/a&prefix=task/b", "at=&at=", "older=yes", "older="])
    expect(await get(ada, `board?${query}`), query).toMatchObject({ status: 400, body: code("bad-request") });
  // A cache or a gateway may add names that begin with `_`.
  expect(await get(ada, "board?_=17&_from=cache&prefix=task/&older=allow&waitMs=9000")).toMatchObject({
    status: 200,
    body: { rows: [{ key: "task/a" }] },
  });
});

test("GET rows: needs the right to read the log, and a dropped log is gone", async () => {
  const server = started({ permit: ({ actor }, { log }) => actor === "ada" && log === "board" });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([ada.commit(add("a"))]);
  expect(await get(bob, "board")).toMatchObject({ status: 403, body: code("forbidden") });
  expect((await ada.request("rows/board", undefined, { authorization: "Bearer wrong" })).status).toBe(401);
  await server.drop("board");
  expect(await get(ada, "board?waitMs=1000")).toMatchObject({ status: 410, body: code("gone") });
  await expect(server.log("board").rows(board)).rejects.toMatchObject({ code: "gone" });
});

test("GET rows: an event that a model cannot fold is parked, and the rows continue", async () => {
  const note = aggregate("note", {
    version: 1,
    initial: null as string | null,
    events: { Noted: v.object({ text: v.string() }) },
    evolve: { Noted: (_, { data }) => data.text },
    commands: { add: { input: v.object({ text: v.string() }), decide: (_, input, { emit }) => emit("Noted", input) } },
  });
  const lengths = projection("lengths", {
    version: 1,
    from: [note],
    initial: null as number | null,
    on: {
      Noted: (_, { data }) => {
        if (data.text === "poison") throw new Error("the handler broke");
        return data.text.length;
      },
    },
  });
  const server = started({ domain: defineDomain({ version: 1, aggregates: [note] }), models: [lengths] });
  const ada = person(server, "ada");
  await ada.push(["one", "poison", "three"].map((text, n) => ada.commit(note.command.add(`n${n}`, { text }))));
  expect(await server.log("board").rows(lengths)).toMatchObject({
    parked: 1,
    rows: [
      { key: "note/n0", row: 3 },
      { key: "note/n2", row: 5 },
    ],
  });
});

test("server.log: refuses a wrong name, a model that it does not have, and wrong options", async () => {
  const server = started({ models: [board] });
  expect(() => server.log("a b")).toThrow('its name "a b" is not 1 to 128 of A-Z a-z 0-9');
  const log = server.log("board");
  await expect(log.rows(columnCounts)).rejects.toMatchObject({ code: "definition" });
  await expect(log.rows(board, { prefix: "a", keys: [] })).rejects.toMatchObject({ code: "invalid" });
  await expect(log.rows(board, { waitMs: 30_001 })).rejects.toMatchObject({ code: "invalid" });
  await expect(log.rows(board, { at: "2" })).rejects.toMatchObject({ code: "invalid" });
  await expect(log.rows(board, { at: "2-other" })).rejects.toMatchObject({ code: "diverged" });
});
