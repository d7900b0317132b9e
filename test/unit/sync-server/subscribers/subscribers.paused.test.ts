// A subscriber that is paused while a handler runs and other events wait.
import { expect, test } from "vitest";
import { subscriber } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { testServer } from "../../../support/sync-requests.ts";

test("subscriber: while it is paused with a running handler, it waits and does not spin", async () => {
  const ends = new Map<string, () => void>();
  const mailer = subscriber("mailer", {
    from: [task],
    start: "beginning",
    concurrency: 2,
    on: {
      TaskAdded: ({ data }) => new Promise<void>((resolve) => ends.set(data.title, resolve)),
    },
  });
  let shortTimers = 0;
  const env: typeof runtimeEnv = {
    ...runtimeEnv,
    setTimer: (run, delayMs) => {
      if (delayMs <= 0) shortTimers++;
      return runtimeEnv.setTimer(run, delayMs);
    },
  };
  const server = testServer({ subscribers: [mailer], env });
  const log = server.log("board");
  await log.execute(["t1", "t2", "t3"].map((id) => task.command.add(id, { title: id, column: "todo" })));
  await until(() => ends.size === 2, "two handlers");
  await log.subscribers.pause(mailer);
  await until(async () => (await log.subscribers.list())[0]?.state === "paused", "the pause");
  // The third event now has a slot, but for the pause.
  ends.get("t1")?.();
  await until(async () => (await log.subscribers.list())[0]?.waiting === 2, "the stored place");
  const before = shortTimers;
  await new Promise((resolve) => runtimeEnv.setTimer(() => resolve(null), 50));
  expect(shortTimers - before).toBeLessThan(5);
  ends.get("t2")?.();
  await server.close();
});
