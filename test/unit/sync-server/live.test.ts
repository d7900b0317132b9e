// Live sockets, over a real port and a real SQLite file.
import { afterEach, expect, test } from "vitest";
import { task } from "../../support/board-domain.ts";
import { liveClient } from "../../support/live-client.ts";
import { runningServer } from "../../support/running-server.ts";

const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });
const { start, stopAll } = runningServer();
afterEach(stopAll);

test("records reach an open socket once and in order, each frame following the one before", async () => {
  const { url, person } = await start();
  const ada = person("ada");
  const first = await ada.push([ada.commit(add("t0"))]);
  const live = await liveClient(url, "bob");
  expect(await live.next("records")).toMatchObject({ after: null, cursor: first.cursor, more: false });
  await Promise.all(Array.from({ length: 30 }, (_, n) => ada.push([ada.commit(add(`t${n + 1}`))])));
  let position = 1;
  let cursor = first.cursor;
  while (position < 31) {
    const frame = await live.next("records");
    expect(frame.after).toEqual(cursor);
    for (const record of frame.records) expect(record.position).toBe(++position);
    cursor = frame.cursor;
  }
});
