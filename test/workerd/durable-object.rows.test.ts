// The rows that each operation reads and writes, because Cloudflare bills them.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Cursor } from "../../src/core/history/record.ts";
import {
  bearer,
  processManager,
  subscriber,
  syncServer,
  type SyncServer,
  type SyncServerOptions,
} from "../../src/sync-server/app.ts";
import { runtimeEnv } from "../../src/sync-server/base/env.ts";
import { durableObjectStore } from "../../src/sync-server/stores/durable-object.ts";
import { domain, task } from "../support/board-domain.ts";
import { person, type Person, tokens } from "../support/sync-requests.ts";

type Rows = { readonly written: number; readonly read: number };

/** Runs `work` with a person of a server in a Durable Object. `count` counts the rows of one operation. */
function inObject(
  name: string,
  work: (ada: Person, count: (operation: () => Promise<unknown>) => Promise<Rows>, server: SyncServer) => Promise<void>,
  options: Pick<SyncServerOptions, "subscribers" | "base" | "env"> = {},
): Promise<void> {
  return runInDurableObject(env.PLATFORM.getByName(name), async (_, { storage }) => {
    let cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
    const store = durableObjectStore(
      {
        sql: {
          get databaseSize() {
            return storage.sql.databaseSize;
          },
          exec: (query, ...values) => {
            const cursor = storage.sql.exec(query, ...values);
            cursors.push(cursor);
            return cursor;
          },
        },
        transactionSync: (run) => storage.transactionSync(run),
      },
      { isOnlyNode: true },
    );
    const server = syncServer({
      domain,
      store,
      ...options,
      authorize: bearer({ tokens }),
      serverId: "object",
      liveTicks: false,
      sleeps: { turn: { ms: 20_000, calls: 500 }, executeAs: (execute) => execute },
    });
    const count = async (operation: () => Promise<unknown>): Promise<Rows> => {
      cursors = [];
      await operation();
      return {
        written: cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
        read: cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
      };
    };
    await work(person(server, "ada"), count, server);
  });
}

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

test("rows: each operation writes and reads as many rows as the price list says", async () => {
  await inObject("rows", async (ada, count) => {
    const first = ada.commit(add("first"));
    const many = Array.from({ length: 100 }, (_, n) => ada.commit(add(`t${n}`)));
    const lost = ada.commit(task.command.rename("none", { title: "Bread" }));
    let head: Cursor | null = null;
    const push = (...commits: readonly unknown[]) =>
      count(async () => void ({ cursor: head } = await ada.push(commits, head)));

    const start: { cursor: Cursor | null } = { cursor: null };
    const measured = {
      "pull of a log without a record": await count(() => ada.pull()),
      "first commit of a log": await push(first),
      "commit of one stream": await push(ada.commit(add("second"))),
      "batch of 100 commits": await count(async () => {
        start.cursor = head;
        ({ cursor: head } = await ada.push(many, head));
      }),
      "rejected commit": await push(lost),
      "two commits sent again": await push(first, lost),
      "pull at the head": await count(() => ada.pull(head)),
      "pull of 100 records": await count(() => ada.pull(start.cursor)),
    };
    expect(measured).toEqual({
      "pull of a log without a record": { written: 0, read: 0 },
      // The tables and their indexes are rows of SQLite's own table.
      "first commit of a log": { written: 24, read: 16 },
      // A record, its index by the commit's id, and its stream.
      "commit of one stream": { written: 3, read: 7 },
      "batch of 100 commits": { written: 300, read: 304 },
      // An outcome and its three indexes.
      "rejected commit": { written: 4, read: 9 },
      // SQLite may read the row behind the last id, if there is one. The ids are random.
      "two commits sent again": { written: 0, read: expect.toSatisfy((rows) => rows === 15 || rows === 16) as number },
      "pull at the head": { written: 0, read: 4 },
      "pull of 100 records": { written: 0, read: 103 },
    });
  });
});

test("rows: handling events writes and reads as many rows as the price list says", async () => {
  let isBroken = false;
  const worker = subscriber("worker", {
    from: [task],
    start: "beginning",
    retry: { attempts: 3, firstMs: 60_000 },
    on: {
      TaskAdded: () => {
        if (isBroken) throw new Error("down");
      },
    },
  });
  const work = async (ada: Person, count: (operation: () => Promise<unknown>) => Promise<Rows>, server: SyncServer) => {
    let head: Cursor | null = null;
    const push = async (...ids: readonly string[]) => {
      const pushed = await count(async () => {
        ({ cursor: head } = await ada.push(
          ids.map((id) => ada.commit(add(id))),
          head,
        ));
        await server.work("board");
      });
      return pushed;
    };
    const many = (letter: string) => Array.from({ length: 100 }, (_, n) => `${letter}${n}`);
    await push("first");
    const measured = {
      "commit that is handled": await push("t1"),
      "batch of 100 commits that are handled": await push(...many("a")),
      "nothing to do": await count(() => server.work("board")),
      "commit that fails": await ((isBroken = true), push("t2")),
    };
    expect(measured).toEqual({
      // A commit writes 3 rows and reads 7. The place of the subscriber is a row. It is read before the lease, because
      // only newer code may have work.
      "commit that is handled": { written: 4, read: 25 },
      "batch of 100 commits that are handled": { written: 301, read: 420 },
      "nothing to do": { written: 0, read: 0 },
      // The waiting event is a row and its index, and the time of the next attempt is in an index too.
      "commit that fails": { written: 7, read: 25 },
    });
  };
  await inObject("subscriber rows", work, { subscribers: [worker] });
});

test("rows: making a base writes and reads as many rows as the price list says", async () => {
  let now = 1_700_000_000_000;
  await inObject(
    "base rows",
    async (ada, count, server) => {
      let head: Cursor | null = null;
      const push = async (letter: string, title = "Milk") => {
        const commits = Array.from({ length: 100 }, (_, n) =>
          ada.commit(task.command.add(`${letter}${n}`, { title, column: "todo" })),
        );
        return count(async () => {
          ({ cursor: head } = await ada.push(commits, head));
          await server.work("board");
        });
      };
      const end = () => count(() => ((now += 11 * 60_000), server.work("board")));
      await push("first");
      const onePage = await push("next");
      const endOfOne = await end();
      for (let n = 0; n < 20; n++) await push(`long${n}`, "m".repeat(200));
      await end();
      const twoPages = await push("last");
      const endOfTwo = await end();
      expect({ onePage, endOfOne, twoPages, endOfTwo }).toEqual({
        // The 100 commits write 300 rows. A base writes four rows, and two for each page.
        onePage: { written: 306, read: 428 },
        // The end of a base writes five rows, and one for each page.
        endOfOne: { written: 6, read: 29 },
        twoPages: { written: 308, read: 524 },
        endOfTwo: { written: 7, read: 33 },
      });
    },
    { base: { everyEvents: 100 }, env: { ...runtimeEnv, now: () => now } },
  );
});

test("rows: the commands of a process write as many rows as the price list says", async () => {
  const noting = processManager("noting", {
    version: 1,
    from: [task],
    start: "beginning",
    initial: null as { noted: number } | null,
    on: {
      TaskAdded: (_, { stream, data }, { run }) => {
        const count = Number(data.title);
        for (let n = 0; n < count; n++) run(task.command.note(stream.slice("task/".length), { text: `${n}` }));
        return { noted: count };
      },
    },
  });
  const work = async (ada: Person, count: (operation: () => Promise<unknown>) => Promise<Rows>, server: SyncServer) => {
    const process = (id: string, title: string) =>
      count(async () => {
        await ada.push([ada.commit(task.command.add(id, { title, column: "todo" }))]);
        await server.work("board");
      });
    await process("first", "1");
    // Two commits are 6 rows. The reaction, the end of the batch and the fold of its events are the others.
    expect(await process("t1", "1")).toEqual({ written: 21, read: 112 });
    const { written, read } = await process("t2", "200");
    // A batch of 200 commands has the writes of one command. On a slow machine it has a few more.
    expect(written - 603).toBeLessThan(60);
    expect(read).toBeLessThan(2_500);
  };
  await inObject("process rows", work, { subscribers: [noting] });
});

test("rows: opening a socket writes two rows for its ticket", async () => {
  await runInDurableObject(env.PLATFORM.getByName("ticket rows"), async (_, { storage }) => {
    const { tickets } = durableObjectStore(storage);
    await tickets?.spend("first", 1_000, 0);
    let written = 0;
    const counted = durableObjectStore({
      sql: {
        databaseSize: 0,
        exec: (query, ...values) => {
          const rows = storage.sql.exec(query, ...values);
          const all = rows.toArray();
          written += rows.rowsWritten;
          return all;
        },
      },
      transactionSync: (run) => storage.transactionSync(run),
    });
    expect(await counted.tickets?.spend("second", 3_000, 2_000)).toBe(true);
    // The new row, and the deletion of the expired one.
    expect(written).toBe(2);
    expect(await counted.tickets?.spend("second", 3_000, 2_000)).toBe(false);
    expect(written).toBe(2);
  });
});
