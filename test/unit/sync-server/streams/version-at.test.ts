import { expect, test } from "vitest";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { versionAt } from "../../../../src/sync-server/streams/version-at.ts";
import { task } from "../../../support/board-domain.ts";
import { seededRandom } from "../../../support/random.ts";
import { testServer } from "../../../support/sync-requests.ts";

const STREAM = "task/t1";

test("versionAt: a reader gets each later event of the stream, and few reads find the place", async () => {
  const random = seededRandom(5);
  const store = memory();
  const { execute } = testServer({ store }).log("board");
  await execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  const note = () => task.command.note("t1", { text: "note" });
  for (let n = 0; n < 120; n++) {
    if (random.chance(0.4)) await execute(task.command.add(`other${n}`, { title: "Milk", column: "todo" }));
    else await execute(Array.from({ length: 1 + random.below(3) }, note));
  }
  const all = await store.readStream("board", STREAM, 0, { events: 10_000, bytes: 1e9 });
  const last = all.at(-1)?.cursor.position ?? 0;
  expect(last).toBeGreaterThan(120);
  let reads = 0;
  const counted = {
    readStream: (...call: Parameters<typeof store.readStream>) => {
      reads++;
      return store.readStream(...call);
    },
  };
  for (let position = 0; position <= last + 3; position++) {
    reads = 0;
    const version = await versionAt(counted, "board", STREAM, position);
    expect(reads).toBeLessThanOrEqual(20);
    const found = await store.readStream("board", STREAM, version, { events: 10_000, bytes: 1e9 });
    const later = found.filter(({ cursor }) => cursor.position > position);
    expect(later).toEqual(all.filter(({ cursor }) => cursor.position > position));
    expect(found.length - later.length).toBeLessThanOrEqual(1);
  }
  expect(await versionAt(store, "board", "task/none", 7)).toBe(0);
});
