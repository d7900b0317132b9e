// A telemetry that throws costs its own spans and metrics, and nothing else.
import { afterEach, expect, test, vi } from "vitest";
import type { Telemetry } from "../../../src/sync-server/app.ts";
import { memory } from "../../../src/sync-server/stores/memory.ts";
import { board, task } from "../../support/board-domain.ts";
import { mailer } from "../../support/board-followers.ts";
import { until } from "../../support/device.ts";
import { runningServer } from "../../support/running-server.ts";
import { keptTelemetry } from "../../support/telemetry.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

const fail = (): never => {
  throw new Error("the exporter is full");
};
const failLater = (): never => Promise.reject(new Error("the exporter is full")) as never;
const span = { set: () => {}, run: <Result>(work: () => Result) => work(), end: () => {} };
const whole: Telemetry = { startSpan: () => span, record: () => {}, observe: () => () => {} };
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

const failing: Readonly<Record<string, Telemetry>> = {
  startSpan: { ...whole, startSpan: fail },
  record: { ...whole, record: fail },
  "record, as an async function": { ...whole, record: failLater },
  observe: { ...whole, observe: fail },
  "the end of observe": { ...whole, observe: () => fail },
  "set of a span": { ...whole, startSpan: () => ({ ...span, set: fail }) },
  "run of a span": { ...whole, startSpan: () => ({ ...span, run: fail }) },
  "run of a span, after the work": {
    ...whole,
    startSpan: () => ({
      ...span,
      run: (work) => {
        work();
        return fail();
      },
    }),
  },
  "end of a span": { ...whole, startSpan: () => ({ ...span, end: fail }) },
};

test.each(Object.entries(failing))("telemetry: a failing %s fails no commit and no follower", async (_, telemetry) => {
  const errors: unknown[] = [];
  const { server, person, close } = await start({
    telemetry,
    models: [board],
    subscribers: [mailer],
    onError: (error: unknown) => errors.push(error),
  });
  const ada = person("ada");
  expect(await ada.push([ada.commit(add("t1"))])).toMatchObject({ outcomes: [{ outcome: "recorded" }] });
  const log = server.log("board");
  const { events, at } = await log.execute(add("t2"));
  expect(events).toHaveLength(1);
  expect((await log.rows(board, { at })).rows).toHaveLength(2);
  await expect(log.execute(add("t1"))).rejects.toMatchObject({ code: "rejected" });
  await until(async () => (await log.subscribers.list()).every(({ behind }) => behind === 0), "the subscriber");
  await close();
  expect(errors).toMatchObject([
    { code: "definition", message: "The option `telemetry` failed: Error: the exporter is full" },
  ]);
});

test("telemetry: a store that throws before its promise is not called twice for one append", async () => {
  const run = async (telemetry?: Telemetry) => {
    const store = memory();
    const append = vi.spyOn(store, "append").mockImplementation(() => {
      throw new Error("the disk is gone");
    });
    const errors: unknown[] = [];
    const { server } = await start({ store, ...(telemetry && { telemetry }), onError: (error) => errors.push(error) });
    await server
      .log("board")
      .execute(add("t1"))
      .catch((error: unknown) => errors.push(error));
    return { errors: errors.map(String), calls: append.mock.calls.length };
  };
  const unwatched = await run();
  expect(unwatched.errors[0]).toBe("Error: the disk is gone");
  expect(await run(whole)).toEqual(unwatched);
});

test("telemetry: spans keep their parents and links through the guard", async () => {
  const { telemetry, named } = keptTelemetry();
  const { server } = await start({ telemetry });
  await server.log("board").execute(add("t1"));
  const [execute] = named("dacapo.execute");
  const [batch] = named("dacapo.batch");
  expect(batch?.parentSpanContext?.spanId).toBe(execute?.spanContext().spanId);
});
