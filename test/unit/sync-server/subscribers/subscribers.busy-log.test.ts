// A subscriber whose handlers all run for one log, while another log waits for its turn.
import { expect, test } from "vitest";
import { subscriber } from "../../../../src/sync-server/app.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { testServer } from "../../../support/sync-requests.ts";

const HANDLERS = 4;

test("subscriber: a log with a long backlog takes turns with the other logs", async () => {
  const running: { readonly log: string; readonly end: () => void }[] = [];
  const done: string[] = [];
  const mailer = subscriber("mailer", {
    from: [task],
    start: "beginning",
    concurrency: HANDLERS,
    on: {
      TaskAdded: async (_, { log }) => {
        await new Promise<void>((end) => running.push({ log, end }));
        done.push(log);
      },
    },
  });
  const server = testServer({ subscribers: [mailer], liveTicks: false });
  const add = (log: string, count: number) =>
    server
      .log(log)
      .execute(
        Array.from({ length: count }, (_, n) => task.command.add(`${log}-${n}`, { title: "Milk", column: "todo" })),
      );
  await add("busy", 100);
  await until(() => running.length === HANDLERS, "all handlers");
  await add("small", 10);
  await add("other", 10);
  for (let ended = 1; ended <= 60; ended++) {
    running.shift()?.end();
    await until(() => done.length === ended && running.length === HANDLERS, "the next handler");
  }
  // Each log has every third handler, so all events of the small logs are among the first 60.
  expect(done.filter((log) => log === "small")).toHaveLength(10);
  expect(done.filter((log) => log === "other")).toHaveLength(10);
  for (const { end } of running) end();
  await server.close();
});
