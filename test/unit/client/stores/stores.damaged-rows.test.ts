// Rows with flipped bytes, on the device and on the server. Reading them returns a value or throws a DacapoError, and
// never throws another error.
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordsBehind } from "../../../../src/client/engine/confirmed-records.ts";
import { batchBehind, recordsOf } from "../../../../src/client/stores/batches.ts";
import {
  peekCommitId,
  peekSettledAt,
  pendingText,
  readPending,
  readRejection,
  readSentEntry,
  rejectionText,
  sentText,
} from "../../../../src/client/stores/entry-text.ts";
import { batchRow, readBatch } from "../../../../src/client/stores/idb/layout.ts";
import type { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { DacapoError } from "../../../../src/core/values/errors.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { syncServer } from "../../../../src/sync-server/app.ts";
import {
  batchOf,
  commitOf,
  entryOf,
  recordsBehind as madeRecords,
  rejectedOf,
  settledOf,
} from "../../../../src/testing/log-store/fixtures.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { device, type Device, until } from "../../../support/device.ts";
import { startServer, temporaryFolder } from "../../../support/server.ts";
import { person } from "../../../support/sync-requests.ts";
import { expectUntouched, flipped, nearly } from "../../../support/hostile-json.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const typed = (run: () => unknown): void => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DacapoError);
  }
  expectUntouched();
};

describe("entry-text: a damaged row of the device", () => {
  const entries: readonly (readonly [name: string, text: string, read: (row: unknown) => unknown])[] = [
    ["pending", pendingText(entryOf("one", { position: 3, mark: "m3" })), (row) => readPending(1, row)],
    ["sent", sentText(settledOf(1, "one")), (row) => [readSentEntry(1, row), peekSettledAt(row), peekCommitId(row)]],
    ["rejections", rejectionText(rejectedOf(1, "one")), (row) => readRejection(commitOf("one").id, row)],
  ];
  for (const [name, text, read] of entries) {
    test(`${name}: a damaged row is a value or a DacapoError`, () => {
      expect(() => read(text)).not.toThrow();
      fc.assert(
        fc.property(fc.oneof(flipped(text), nearly(JSON.parse(text))), (row) => typed(() => read(row))),
        { numRuns: 300 },
      );
      for (const row of [undefined, null, 1, {}, [], new Uint8Array(3)]) typed(() => read(row));
    });
  }

  test("recordsOf, readBatch: a damaged run of records is a value or a DacapoError", () => {
    const batch = batchOf({ position: 3, mark: "m3" }, madeRecords({ position: 3, mark: "m3" }, [1, 2, 3]));
    expect(recordsBehind(batch, 4)).toHaveLength(2);
    fc.assert(
      fc.property(
        fc.oneof(flipped(batch.text), nearly(JSON.parse(batch.text))),
        fc.integer({ min: 3, max: 9 }),
        (text, position) => {
          const row = { ...batch, text };
          typed(() => readBatch("tail", 3, batchRow(row)));
          typed(() => recordsOf(row));
          typed(() => batchBehind(row, position));
          typed(() => recordsBehind(row, position));
        },
      ),
      { numRuns: 500 },
    );
    for (const row of [
      { after: null, cursor: "x", text: "" },
      { after: "1-a", cursor: "0-a", text: "" },
    ])
      typed(() => readBatch("segments", 0, row));
  });
});

describe("device: a damaged database", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let good: Device;
  beforeAll(async () => {
    folder = await temporaryFolder();
    const server = await startServer();
    good = device(domain, "team", "ada");
    const tab = await good.open({ url: server.url });
    for (let n = 0; n < 5; n++)
      unwrap(await tab.execute([task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" })], null, null));
    await until(() => tab.status().pending === 0 && tab.status().position === 5, "all is confirmed");
    tab.api.setPaused(true);
    for (let n = 0; n < 3; n++)
      unwrap(await tab.execute([task.command.rename(`t${n}`, { title: "Renamed" })], null, null));
    await tab.close();
    await server.close();
  });
  afterAll(() => folder.remove());

  const parts = ["batches", "pending", "sent", "rows"] as const;
  const damage = (
    database: MemoryDatabase,
    part: (typeof parts)[number],
    at: number,
    change: (text: string) => string,
  ): void => {
    const state = database.open();
    if (part === "batches")
      state.batches = state.batches.map((batch, n) =>
        n === at % state.batches.length ? { ...batch, text: change(batch.text) } : batch,
      );
    else if (part !== "rows")
      [...state[part]].forEach(
        ([n, text], index) => index === at % state[part].size && state[part].set(n, change(text)),
      );
    else if (state.rows)
      state.rows = {
        ...state.rows,
        tables: state.rows.tables.map((table) => ({
          ...table,
          buckets: table.buckets.map((bucket, n) =>
            n === at % table.buckets.length ? { ...bucket, text: change(bucket.text) } : bucket,
          ),
        })),
      };
  };

  test("open: succeeds, or fails with a typed error", async () => {
    expect(good.database.open()).toMatchObject({ pending: { size: 3 }, sent: { size: 5 } });
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 3 });
    let refused = 0;
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...parts), fc.nat(), flips, async (part, at, bits) => {
        const database = good.database.copy();
        damage(database, part, at, (text) => {
          const bytes = Buffer.from(text);
          for (const [where, bit] of bits)
            bytes[where % bytes.length] = (bytes[where % bytes.length] ?? 0) ^ (1 << bit);
          return bytes.toString();
        });
        try {
          const tab = await device(domain, "team", "ada", database).open();
          opened++;
          for (const projection of domain.definition.projections.keys()) unwrap(tab.api.watch(projection));
          await tab.close();
        } catch (error) {
          expect(error).toBeInstanceOf(DacapoError);
          expect(error).not.toMatchObject({ code: "unexpected" });
          refused++;
        }
        expectUntouched();
      }),
      { numRuns: 200 },
    );
    expect(Math.min(opened, refused)).toBeGreaterThan(5);
  });
});

describe("server: a damaged file", () => {
  test("requests: each gets a response, and a stream without damage still works", async () => {
    const folder = await temporaryFolder();
    const file = folder.path("logs.db");
    const ids = Array.from({ length: 4 }, (_, n) => `t${n}`);
    {
      const server = syncServer({ domain, store: sqlite(file), authorize: () => ({ actor: "ada" }) });
      const ada = person(server, "ada");
      await ada.outcomes(
        ...ids.map((id) => ada.commit(task.command.add(id, { title: id, column: "todo" }))),
        ada.commit(task.command.rename("none", { title: "?" })),
      );
      await server.close();
    }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("dacapo_records.streams", "dacapo_records.text", "dacapo_outcomes.text"),
        fc.nat(),
        fc.nat(7),
        async (column, at, bit) => {
          const copy = folder.path(`copy-${crypto.randomUUID()}.db`);
          const database = new DatabaseSync(file);
          database.exec(`vacuum into '${copy}'`);
          database.close();
          flipIn(copy, column, at, bit);
          const failures: unknown[] = [];
          const server = syncServer({
            domain,
            store: sqlite(copy),
            authorize: () => ({ actor: "ada" }),
            onError: (error) => failures.push(error),
          });
          const ada = person(server, "ada");
          const answers = [
            await ada.request(""),
            await ada.request("records"),
            ...(await Promise.all(ids.map((id) => ada.request(`streams/task/${id}`)))),
            ...(await Promise.all(
              ids.map((id) =>
                ada.request("commits", { after: null, domain: 1, commits: [ada.commit(task.command.complete(id))] }),
              ),
            )),
          ];
          for (const response of answers) expect([200, 500, 503]).toContain(response.status);
          for (const failure of failures) expect(failure).toBeInstanceOf(DacapoError);
          // A push to a new stream still succeeds, because the server does not read the damaged rows for it.
          const { cursor } = parseOwnJson<{ cursor: string }>(await (await ada.request("")).text());
          expect(
            (
              await ada.request("commits", {
                after: cursor,
                domain: 1,
                commits: [ada.commit(task.command.add("new", { title: "New", column: "todo" }))],
              })
            ).status,
          ).toBe(200);
          expectUntouched();
          await server.close();
        },
      ),
      { numRuns: 25 },
    );
    await folder.remove();
  });
});

function flipIn(file: string, tableColumn: string, at: number, bit: number): void {
  const [table = "", column = ""] = tableColumn.split(".");
  const database = new DatabaseSync(file);
  const rows = database.prepare(`select rowid as id, ${column} as text from ${table}`).all();
  const row = rows[at % rows.length];
  if (row) {
    const bytes = Buffer.from(String(row["text"]));
    bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
    database.prepare(`update ${table} set ${column} = ? where rowid = ?`).run(bytes.toString(), Number(row["id"]));
  }
  database.close();
}
