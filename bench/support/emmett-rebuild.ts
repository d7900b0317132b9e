// The same rebuild by Emmett's SQLite projections, if they are installed: a row of each task.
// They are no dependency of the project, because they compile a database driver.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const EMMETT_HOW =
  "Emmett is not installed. In another folder: npm install @event-driven-io/emmett@0.38.5 " +
  "@event-driven-io/emmett-sqlite@0.38.5. Then set EMMETT to that folder.";

type Added = {
  readonly type: "TaskAdded";
  readonly data: { readonly id: string; readonly title: string; readonly column: string };
};
type Connection = {
  readonly command: (sql: string, values?: readonly unknown[]) => Promise<unknown>;
  readonly close: () => void;
};
type Message = Added & { readonly metadata: { readonly globalPosition: bigint } };
type Projection = {
  readonly name: string;
  readonly canHandle: readonly string[];
  readonly handle: (events: readonly Added[], context: { readonly connection: Connection }) => Promise<void>;
};
type Consumer = {
  readonly processor: (options: {
    readonly projection: Projection;
    readonly startFrom: "BEGINNING";
    readonly stopAfter: (message: Message) => boolean;
  }) => unknown;
  readonly start: () => Promise<void>;
  readonly close: () => Promise<void>;
};
type Emmett = {
  readonly sqliteConnection: (options: { readonly fileName: string }) => Connection;
  readonly createEventStoreSchema: (connection: Connection) => Promise<void>;
  readonly getSQLiteEventStore: (options: { readonly fileName: string }) => {
    readonly appendToStream: (stream: string, events: readonly Added[]) => Promise<unknown>;
    readonly consumer: (options: { readonly pulling: { readonly batchSize: number } }) => Consumer;
  };
};

/** Events of one append while the log is filled, and of one page of the rebuild. Dacapo's pages have as many. */
const TOGETHER = 500;

const tables: Projection = {
  name: "board",
  canHandle: ["TaskAdded"],
  handle: async (events, { connection }) => {
    for (const { data } of events) {
      const { id, ...rest } = data;
      await connection.command("insert or replace into board (id, row) values (?, ?)", [
        id,
        JSON.stringify({ ...rest, done: false }),
      ]);
    }
  },
};

/** Fills a log, and returns its rebuild. Null: Emmett is not installed. */
export async function emmettRebuild(fileName: string, events: number): Promise<(() => Promise<void>) | null> {
  const folder = process.env["EMMETT"];
  if (folder === undefined) return null;
  const found = createRequire(join(folder, "package.json")).resolve("@event-driven-io/emmett-sqlite");
  const emmett: unknown = await import(pathToFileURL(found).href);
  if (!isEmmett(emmett)) throw new Error(`${folder} has another release of Emmett. ${EMMETT_HOW}`);
  const connection = emmett.sqliteConnection({ fileName });
  await emmett.createEventStoreSchema(connection);
  await connection.command("create table board (id text primary key, row text not null)");
  connection.close();
  const store = emmett.getSQLiteEventStore({ fileName });
  for (let n = 0; n < events; n += TOGETHER)
    await store.appendToStream(
      `tasks-${n}`,
      Array.from({ length: Math.min(TOGETHER, events - n) }, (_, k) => addedAt(n + k)),
    );
  return async () => {
    const consumer = store.consumer({ pulling: { batchSize: TOGETHER } });
    consumer.processor({
      projection: tables,
      startFrom: "BEGINNING",
      stopAfter: ({ metadata }) => metadata.globalPosition >= BigInt(events),
    });
    await consumer.start();
  };
}

function addedAt(n: number): Added {
  const title = `Task ${n}: buy milk, bread and a newspaper`;
  return { type: "TaskAdded", data: { id: `t${n}`, title, column: n % 3 === 0 ? "todo" : "doing" } };
}

function isEmmett(found: unknown): found is Emmett {
  const names = ["sqliteConnection", "createEventStoreSchema", "getSQLiteEventStore"];
  return typeof found === "object" && found !== null && names.every((name) => name in found);
}
