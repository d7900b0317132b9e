// The gauge of the events that followers are behind, by the real OpenTelemetry SDK.
import { expect, test } from "vitest";
import type { Telemetry } from "../../../src/sync-server/app.ts";
import { memory } from "../../../src/sync-server/stores/memory.ts";
import { board, task } from "../../support/board-domain.ts";
import { flow, mailer } from "../../support/board-followers.ts";
import { until } from "../../support/device.ts";
import { testServer } from "../../support/sync-requests.ts";
import { keptTelemetry } from "../../support/telemetry.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

/** A server with a follower of each kind, and the lags that its metrics show. */
function started() {
  const { telemetry, metric } = keptTelemetry();
  let observed = 0;
  const observe: Telemetry["observe"] = (level, read) => {
    const stop = telemetry.observe?.(level, read);
    observed++;
    return () => {
      stop?.();
      observed--;
    };
  };
  const store = memory();
  const { models } = store;
  if (!models) throw new Error("The store has no models");
  let reads = 0;
  const followers = models.followers.bind(models);
  models.followers = (log) => {
    reads++;
    return followers(log);
  };
  const server = testServer({
    telemetry: { ...telemetry, observe },
    store,
    models: [board],
    subscribers: [mailer, flow],
    // A base of one byte is never made, so that it stays behind.
    base: { everyEvents: 2, bytesMax: 1 },
    onError: () => {},
  });
  const lags = async () =>
    Object.fromEntries(
      (await metric("dacapo.follower.lag")).map(({ attributes, value }) => [
        String(attributes["dacapo.follower"]),
        value,
      ]),
    );
  return { server, lags, reads: () => reads, observed: () => observed };
}

const NONE = { "model board": 0, "subscriber mailer": 0, "process flow": 0, base: 0 };

test("dacapo.follower.lag: each follower has the events that it is behind, and 0 at the head", async () => {
  const { server, lags } = started();
  expect(await lags()).toEqual(NONE);
  const log = server.log("board");
  await log.execute(add("t0"));
  await until(async () => (await log.subscribers.list()).every(({ behind }) => behind === 0), "the first event");
  await log.subscribers.pause(mailer);
  await log.processes.pause(flow);
  await log.execute([add("t1"), add("t2"), add("t3")]);
  const paused = { ...NONE, "subscriber mailer": 3, "process flow": 3, base: 4 };
  await until(async () => JSON.stringify(await lags()) === JSON.stringify(paused), "the lags of paused followers");
  // The largest lag of all logs counts, and not the last one.
  await server.log("other").execute(add("t1"));
  await log.subscribers.resume(mailer);
  await log.processes.resume(flow);
  await until(async () => {
    const { "subscriber mailer": subscribed, "process flow": processed } = await lags();
    return subscribed === 0 && processed === 0;
  }, "no lag after the pause");
  await server.close();
});

test("dacapo.follower.lag: collecting metrics reads nothing, and ends with the server", async () => {
  const { server, lags, reads, observed } = started();
  const log = server.log("board");
  const { at } = await log.execute(add("t0"));
  await log.rows(board, { at });
  await until(async () => (await log.processes.list()).every(({ behind }) => behind === 0), "the event");
  await until(async () => {
    const before = reads();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return reads() === before;
  }, "an idle server");
  const before = reads();
  for (let n = 0; n < 20; n++) expect(await lags()).toMatchObject({ "model board": 0 });
  expect(reads()).toBe(before);
  expect(observed()).toBe(1);
  await server.close();
  expect(observed()).toBe(0);
});

test("dacapo.follower.lag: a server that refuses its options leaves no gauge behind", () => {
  let observed = 0;
  const observe: Telemetry["observe"] = () => {
    observed++;
    return () => observed--;
  };
  const telemetry = { ...keptTelemetry().telemetry, observe };
  expect(() => testServer({ telemetry, subscribers: [mailer, mailer] })).toThrow("mailer");
  expect(() => testServer({ telemetry, models: [board], origins: ["example.org"] })).toThrow("origin");
  expect(observed).toBe(0);
});
