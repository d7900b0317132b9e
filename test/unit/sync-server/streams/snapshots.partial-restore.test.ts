// A store whose logs were restored to an earlier time, and whose snapshots of streams were not.
import { expect, test } from "vitest";
import { keysOf } from "../../../../src/testing/model-store/samples.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../../support/board-domain.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { testServer } from "../../../support/sync-requests.ts";

const cluster = postgresForTests();

const stores: readonly (readonly [string, () => EventStore])[] = [
  ["memory", memory],
  ["sqlite", () => sqlite(":memory:")],
  ["postgres", () => postgres({ url: cluster.url, schema: `s${crypto.randomUUID().slice(0, 8)}`, connectionsMax: 2 })],
];

const notes = (count: number) => Array.from({ length: count }, () => task.command.note("t1", { text: "hm" }));

/** Fills the stream task/t1 up to version 160, where its snapshot is. Returns the snapshot. */
async function fill(store: EventStore, title: string): Promise<string> {
  await testServer({ store })
    .log("board")
    .execute([task.command.add("t1", { title, column: "todo" }), ...notes(99)]);
  await testServer({ store }).log("board").execute(notes(60));
  const page = await store.models?.rows("board", "snapshots", "states", keysOf("task/t1"));
  const text = page?.rows[0]?.[1] ?? "";
  expect(JSON.parse(text)).toMatchObject({ version: 160, state: { title } });
  return text;
}

async function putSnapshot(store: EventStore, text: string): Promise<void> {
  const page = await store.models?.rows("board", "snapshots", "states", keysOf());
  const { at = null, revision = 0 } = page?.follower ?? {};
  const written = await store.models?.write("board", {
    followers: [{ name: "snapshots", revision, next: { at, text: "{}", wake: null, tables: { states: "keep" } } }],
    rows: [{ follower: "snapshots", table: "states", set: [["task/t1", text]], remove: [] }],
  });
  expect(written).toEqual({ kind: "ok" });
}

for (const [name, open] of stores)
  test.skipIf(name === "postgres" && !hasPostgres)(
    `snapshot: one of a lost history is ignored, also at the version of a record (${name})`,
    async () => {
      const store = open();
      const lost = await fill(memory(), "Lost");
      const kept = await fill(store, "Kept");
      await putSnapshot(store, lost);
      const server = testServer({ store });
      expect(await server.log("board").load(task, "t1")).toMatchObject({ version: 160, state: { title: "Kept" } });
      // The next append decides on the history that is there, and replaces the snapshot.
      await server.log("board").execute(notes(1));
      expect(await server.log("board").load(task, "t1")).toMatchObject({ version: 161, state: { title: "Kept" } });
      // A snapshot of this history is still used, with the records after it.
      await putSnapshot(store, kept.replace(`"Kept"`, `"Used"`));
      expect(await testServer({ store }).log("board").load(task, "t1")).toMatchObject({
        version: 161,
        state: { title: "Used", notes: 160 },
      });
      await store.close();
    },
  );
