// Two servers on one Postgres: the rows follow the log, also after an append of the other node.
import { afterEach, describe, expect, test } from "vitest";
import { projection } from "../../../../src/index.ts";
import { encodeCursor } from "../../../../src/core/history/record.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { board, columnCounts, task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { addOldRow } from "../../../support/filled-log.ts";
import { runningServer } from "../../../support/running-server.ts";

const models = [board, columnCounts];
const { start, stopAll } = runningServer();
const cluster = postgresForTests();
afterEach(stopAll);

describe.skipIf(!hasPostgres)("read models on Postgres", () => {
  test("rows: two servers fold one log, each event once, and each reads the other's commits", async () => {
    const node = () => start({ store: postgres({ url: cluster.url, connectionsMax: 4 }), models });
    const [one, two] = [await node(), await node()];
    const [ada, bob] = [one.person("ada"), two.person("bob")];
    const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
    for (let n = 0; n < 10; n++)
      await Promise.all([ada.push([ada.commit(add(`a${n}`))]), bob.push([bob.commit(add(`b${n}`))])]);
    const { cursor } = await ada.pull();
    const at = cursor && encodeCursor(cursor);
    for (const { server } of [one, two]) {
      const log = server.log("board");
      const counts = await log.rows(columnCounts, { at, waitMs: 20_000 });
      expect(counts.rows).toEqual([{ key: "todo", row: { tasks: 20 } }]);
      const { rows } = await log.rows(board, { at, waitMs: 20_000 });
      expect(rows.map(({ key }) => key)).toEqual(
        Array.from({ length: 10 }, (_, n) => [`task/a${n}`, `task/b${n}`])
          .flat()
          .toSorted(),
      );
    }
  });

  test("rows: two releases on one database keep their own rows, and the older one returns", async () => {
    const log = "releases";
    const on = { TaskAdded: (_: unknown, { data }: { readonly data: { readonly title: string } }) => data.title };
    const parts = { from: [task], initial: null as string | null, on };
    const [blue, green] = [
      projection("titles", { ...parts, version: 1 }),
      projection("titles", { ...parts, version: 2 }),
    ];
    const node = async (model: typeof blue) => {
      const server = await start({ store: postgres({ url: cluster.url, connectionsMax: 4 }), models: [model] });
      return { model, close: server.close, log: server.server.log(log) };
    };
    type Node = Awaited<ReturnType<typeof node>>;
    const add = async (one: Node, id: string) =>
      (await one.log.execute(task.command.add(id, { title: id, column: "todo" }))).at;
    /** A stopped node may hold its lease for 15 seconds, so this waits for the rows of all commits. */
    const check = async (one: Node, at: string | null, count: number) => {
      expect((await one.log.rows(one.model, { at, waitMs: 30_000 })).rows).toHaveLength(count);
      expect(await one.log.models.verify(one.model)).toMatchObject({ rows: count, differences: [] });
    };
    const first = await node(blue);
    for (let n = 0; n < 20; n++) await add(first, `a${n}`);
    const second = await node(green);
    await Promise.all(Array.from({ length: 10 }, (_, n) => Promise.all([add(first, `b${n}`), add(second, `c${n}`)])));
    const at = await add(first, "d");
    await Promise.all([check(first, at, 41), check(second, at, 41)]);
    await first.close();
    await check(second, await add(second, "e"), 42);
    const again = await node(blue);
    await check(again, await add(second, "f"), 43);
  });

  test("finished: waits while Postgres restarts, and resolves with the end of the job", async () => {
    const { server } = await start({ store: postgres({ url: cluster.url, connectionsMax: 4 }), models });
    const log = server.log("restart");
    const { at } = await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
    await log.rows(board, { at, waitMs: 20_000 });
    const job = await log.models.rebuild(board);
    await job.pause();
    const finished = job.finished();
    finished.catch(() => {});
    await cluster.restart();
    await until(async () => (await job.progress().catch(() => null)) !== null, "the database");
    await job.resume();
    expect(await finished).toMatchObject({ phase: "done", of: 1 });
  });

  test("rebuild: a node replaces the rows while the other one appends, and both read the new rows", async () => {
    const log = "rebuild";
    const store = () => postgres({ url: cluster.url, connectionsMax: 4 });
    const [one, two] = [await start({ store: store(), models }), await start({ store: store(), models })];
    const [first, second] = [one.server.log(log), two.server.log(log)];
    const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
    for (let n = 0; n < 20; n++) await first.execute(add(`a${n}`));
    await second.rows(columnCounts, { at: (await first.execute(add("a20"))).at, waitMs: 20_000 });
    const other = store();
    await addOldRow(other, log);
    await other.close();
    const job = await first.models.rebuild(columnCounts);
    for (let n = 0; n < 20; n++) await second.execute(add(`b${n}`));
    expect(await job.finished()).toMatchObject({ phase: "done", parked: 0 });
    const { at } = await second.execute(add("b20"));
    for (const node of [first, second])
      expect((await node.rows(columnCounts, { at, waitMs: 20_000 })).rows).toEqual([
        { key: "todo", row: { tasks: 42 } },
      ]);
  });
});
