// An object with all that follows a log, which sleeps or is killed after any step.
import { afterEach, expect, test } from "vitest";
import { sameCursor } from "../../src/core/history/record.ts";
import { board, task } from "../support/board-domain.ts";
import { invoices } from "../support/invoices-domain.ts";
import { readBase } from "../support/read-base.ts";
import { cursorOf, EvictionScene } from "./eviction-scene.ts";
import { closer, mails } from "./subscribers.ts";
import { app } from "./worker.ts";

afterEach(() => {
  mails.broken.clear();
  app.errors.length = 0;
});

const STEPS = 40;

test.each([1, 2, 3])("evictions: after any step, all that follows a log continues (seed %i)", async (seed) => {
  const scene = new EvictionScene(seed);
  for (let n = 0; n < STEPS; n++) await scene.step(n);
  const { log, operator, recorded, titles } = scene;

  const ada = log.person("ada");
  await expect
    .poll(
      async () => {
        await scene.settle();
        const [mailer] = await operator.subscribers.list();
        const waiting = await operator.processes.commands(closer);
        const { job } = await operator.models.status(board);
        return [mailer?.behind, mailer?.waiting, waiting.length, job?.phase ?? "done"];
      },
      { timeout: 20_000, interval: 200 },
    )
    .toEqual([0, 0, 0, "done"]);
  const pulled = await ada.pull();
  expect(pulled.records.filter(({ actor }) => actor === "ada").map(({ commit }) => commit)).toEqual(recorded);
  for (const { socket, start } of scene.sockets)
    await expect.poll(() => sameCursor(cursorOf(socket, start), pulled.cursor)).toBe(true);

  expect(new Set(mails.titles(log.log))).toEqual(new Set(titles));
  const added = pulled.records.flatMap(({ events }) => events).filter(({ type }) => type === "TaskAdded");
  for (const { stream, data } of added) {
    const timed = (data as { column: string }).column === "timed";
    const { state } = await operator.load(task, stream.slice("task/".length));
    expect(state).toMatchObject(timed ? { done: true, notes: 1 } : { done: false, notes: 0 });
  }
  expect(await operator.models.verify(board)).toMatchObject({ rows: added.length, differences: [] });
  const { rows } = await operator.query(invoices, (t) => `select number from ${t.invoice}`);
  expect(rows).toHaveLength(scene.orders);
  await expect.poll(() => readBase(ada)).not.toBeNull();
});
