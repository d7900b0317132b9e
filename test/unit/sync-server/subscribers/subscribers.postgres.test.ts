// Two servers on one Postgres: each event is handled once, in order, also when a node stops.
import { afterEach, describe, expect, test } from "vitest";
import { subscriber } from "../../../../src/sync-server/app.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
const cluster = postgresForTests();
afterEach(stopAll);

describe.skipIf(!hasPostgres)("subscribers on Postgres", () => {
  test("subscriber: two servers handle one log in order, with failures, and execute once", async () => {
    const done: { title: string; effectId: string }[] = [];
    const attempts = new Map<string, Set<string>>();
    const mailer = subscriber("mailer", {
      from: [task],
      start: "beginning",
      retry: { attempts: 20, firstMs: 1, maxMs: 5 },
      on: {
        TaskRenamed: async ({ data: { title } }, { execute, effectId, attempt }) => {
          attempts.set(title, (attempts.get(title) ?? new Set()).add(effectId));
          await execute(task.command.note("t0", { text: title }));
          if (attempt < 3 && title.endsWith("5")) throw new Error("no mail");
          done.push({ title, effectId });
        },
      },
    });
    const node = () =>
      start({ store: postgres({ url: cluster.url, connectionsMax: 4 }), subscribers: [mailer], onError: () => {} });
    const [one, two] = [await node(), await node()];
    const logs = [one, two].map(({ server }) => server.log("board"));
    const [left, right] = logs;
    await left?.execute(["t0", "t1", "t2"].map((id) => task.command.add(id, { title: id, column: "todo" })));
    for (let n = 0; n < 15; n++)
      await Promise.all([
        left?.execute(task.command.rename("t1", { title: `a${n}` })),
        right?.execute(task.command.rename("t2", { title: `b${n}` })),
      ]);
    await two.close();
    await left?.execute(task.command.rename("t1", { title: "a15" }));
    await until(async () => {
      const [status] = (await left?.subscribers.list()) ?? [];
      return status?.behind === 0 && status.waiting === 0;
    }, "all events handled");
    for (const letter of ["a", "b"]) {
      const titles = done.map(({ title }) => title).filter((title) => title.startsWith(letter));
      // The stop of a node may repeat an event, and nothing else.
      expect([...new Set(titles)]).toEqual(Array.from({ length: letter === "a" ? 16 : 15 }, (_, n) => `${letter}${n}`));
      expect(titles.length).toBeLessThanOrEqual(17);
    }
    expect([...attempts.values()].map(({ size }) => size)).toEqual(Array.from({ length: 31 }, () => 1));
    expect((await left?.load(task, "t0"))?.state).toMatchObject({ notes: 31 });
  });
});
