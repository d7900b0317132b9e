// The rows of a running server: a device commits, and a program reads the same rows over HTTP and by `server.log`.
import { afterEach, expect, test } from "vitest";
import { defineDomain, projection, type Domain } from "dacapo";
import { encodeCursor } from "../../../../src/core/history/record.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, column, columnCounts, domain, task } from "../../../support/board-domain.ts";
import { flow } from "../../../support/board-followers.ts";
import { device, until } from "../../../support/device.ts";
import { runningServer } from "../../../support/running-server.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

const models = [board, columnCounts];
const add = (id: string, title: string = id) => task.command.add(id, { title, column: "todo" });

type Answer = {
  readonly identity: string;
  readonly at: string | null;
  readonly next: string | null;
  readonly parked: number;
  readonly rows: readonly { readonly key: string; readonly row: unknown }[];
};

async function getRows(url: string, path: string): Promise<Answer> {
  const response = await fetch(`${url}/logs/board/rows/${path}`, { headers: { authorization: "Bearer token-of-ada" } });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return parseOwnJson<Answer>(text);
}

test("GET rows: returns the rows of a device that committed, byte for byte", async () => {
  const server = await start({ models });
  const tab = await device(domain, "board", "ada").open({
    url: server.url,
    token: () => Promise.resolve("token-of-ada"),
  });
  for (const request of [column.command.add("todo", { name: "To do" }), add("t1", "Milk 🥛"), add("t2"), add("t3")])
    await tab.execute([request]);
  await tab.execute([task.command.rename("t2", { title: "Brot" }), task.command.complete("t2")]);
  await tab.execute([task.command.move("t3", { column: "todo" })]);
  await until(() => tab.status().pending === 0 && tab.status().head === 7, "all commits on the server");
  for (const { name } of models) {
    const { rows, at } = await getRows(server.url, `${name}?at=${await headOf(server.url)}&waitMs=10000`);
    const ofDevice = [...tab.rows(name).values()].map(({ key, row }) => ({ key, row }));
    expect(JSON.stringify(rows)).toBe(JSON.stringify(ofDevice.toSorted((a, b) => (a.key < b.key ? -1 : 1))));
    expect(at).toBe(await headOf(server.url));
  }
  const fromLog = await server.server.log("board").rows(board, { keys: ["task/t2", "task/none"] });
  expect(fromLog.rows).toEqual([{ key: "task/t2", row: { title: "Brot", column: "todo", done: true, notes: 0 } }]);
  await tab.close();
});

test("GET rows: a restarted server has the rows, and builds those of a new model", async () => {
  const first = await start({ models: [board] });
  const ada = first.person("ada");
  const { cursor } = await ada.push([ada.commit(add("t1")), ada.commit(add("t2"))]);
  await getRows(first.url, `board?waitMs=10000&at=${cursor ? encodeCursor(cursor) : ""}`);
  await first.close();
  const second = await start({ file: first.file, models });
  expect((await getRows(second.url, "board")).rows).toHaveLength(2);
  expect((await getRows(second.url, "column-counts?waitMs=10000")).rows).toEqual([{ key: "todo", row: { tasks: 2 } }]);
});

test("GET rows: another version is another follower, and a rollback finds its rows again", async () => {
  const titles = (version: number) =>
    projection("board", {
      version,
      from: [task],
      initial: null as string | null,
      on: { TaskAdded: (_, { data }) => `${data.title} v${version}` },
    });
  const release = (version: number): { domain: Domain; models: ReturnType<typeof titles>[] } => ({
    domain: defineDomain({ version, aggregates: [task, column], projections: [] }),
    models: [titles(version)],
  });
  const one = await start(release(1));
  const ada = one.person("ada");
  await ada.push([ada.commit(add("t1"))]);
  expect((await getRows(one.url, "board?waitMs=10000")).rows).toEqual([{ key: "task/t1", row: "t1 v1" }]);
  const two = await start({ ...release(2), file: one.file });
  expect(await getRows(two.url, "board?waitMs=10000")).toMatchObject({
    identity: "board@2<task@1",
    rows: [{ key: "task/t1", row: "t1 v2" }],
  });
  // The old node continues its own rows beside the new one.
  const { cursor } = await ada.push([ada.commit(add("t2"))]);
  const at = cursor ? encodeCursor(cursor) : "";
  for (const [url, version] of [
    [one.url, 1],
    [two.url, 2],
  ] as const)
    expect((await getRows(url, `board?waitMs=10000&at=${at}`)).rows).toEqual([
      { key: "task/t1", row: `t1 v${version}` },
      { key: "task/t2", row: `t2 v${version}` },
    ]);
});

test("GET rows: two nodes on one file fold the same rows, each event once", async () => {
  const one = await start({ models });
  const two = await start({ file: one.file, models });
  const [ada, bob] = [one.person("ada"), two.person("bob")];
  const names = (who: string) => Array.from({ length: 40 }, (_, n) => `${who}${n}`);
  await Promise.all([
    ...names("a").map((id) => ada.push([ada.commit(add(id))])),
    ...names("b").map((id) => bob.push([bob.commit(add(id))])),
  ]);
  const at = await headOf(one.url);
  for (const { url } of [one, two]) {
    const counts = await getRows(url, `column-counts?waitMs=20000&at=${at}`);
    expect(counts.rows).toEqual([{ key: "todo", row: { tasks: 80 } }]);
    const { rows } = await getRows(url, `board?waitMs=20000&at=${at}&limit=100`);
    expect(rows.map(({ key }) => key)).toEqual([...names("a"), ...names("b")].map((id) => `task/${id}`).toSorted());
  }
});

test("GET rows: a poke that was lost is found by the walk over all logs", async () => {
  const first = await start();
  const ada = first.person("ada");
  await ada.push([ada.commit(add("t1"))]);
  const second = await start({ file: first.file, models, limits: { lookMs: 20 } });
  const store = sqlite(first.file);
  const followers = async () => {
    const found = await store.models?.followers("board");
    return found?.kind === "open" ? found.followers.map(({ name, at }) => `${name} ${at?.position}`) : [];
  };
  await until(async () => (await followers()).length === 2, "the followers of the second server");
  // The first server has no models, so it reports nothing.
  await ada.push([ada.commit(add("t2"))]);
  await until(async () => (await followers()).every((one) => one.endsWith(" 2")), "the new record in all rows");
  await store.close();
  expect((await second.server.log("board").rows(columnCounts)).rows).toEqual([{ key: "todo", row: { tasks: 2 } }]);
});

test("server: a model whose aggregate the domain lacks is refused when the server starts", async () => {
  const other = defineDomain({ version: 1, aggregates: [column] });
  await expect(start({ domain: other, models: [board] })).rejects.toMatchObject({
    code: "definition",
    message: "The model board folds the aggregate task, which the domain of the server does not have",
  });
  await expect(start({ models: [board, board] })).rejects.toMatchObject({ code: "definition" });
  const store = Object.assign(sqlite(":memory:"), { models: undefined });
  await expect(start({ store, models: [board] })).rejects.toMatchObject({
    code: "definition",
    message: "The store of the server keeps no read models",
  });
});

test("server: a process manager in the option `models` is refused", async () => {
  await expect(start({ models: [board, flow] })).rejects.toMatchObject({
    code: "definition",
    message: "models[1] is not a read model",
  });
  await start({ models: [board], subscribers: [flow] });
});

async function headOf(url: string): Promise<string> {
  const response = await fetch(`${url}/logs/board`, { headers: { authorization: "Bearer token-of-ada" } });
  return parseOwnJson<{ readonly cursor: string }>(await response.text()).cursor;
}
