// The time limit of a handler is the handler's own.
import { afterEach, expect, test, vi } from "vitest";
import { type Env, subscriber } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { runHandler } from "../../../../src/sync-server/subscribers/run-handler.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { taskAdded } from "../../../support/filled-log.ts";

afterEach(() => vi.restoreAllMocks());

/** Runs the handler of the first event. Each digest takes longer than the time limits that run. */
function run(stop: AbortSignal) {
  const timers = new Set<() => void>();
  const env: Env = {
    ...runtimeEnv,
    setTimer: (callback) => {
      timers.add(callback);
      return () => timers.delete(callback);
    },
  };
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  vi.spyOn(crypto.subtle, "digest").mockImplementation(async (...args) => {
    const bytes = await digest(...args);
    for (const timer of timers) timer();
    return bytes;
  });
  let handled = 0;
  const { definition } = subscriber("mailer", {
    from: [task],
    start: "beginning",
    on: { TaskAdded: () => void handled++ },
  });
  const result = runHandler({
    domain: domain.definition,
    env,
    subscriber: definition,
    executeAs: () => Promise.reject(new Error("The handler executes nothing")),
    log: "board",
    record: taskAdded(1),
    n: 0,
    attempt: 1,
    stop,
    report: () => {},
  });
  return { result, handled: () => handled, timers };
}

test("handler: a slow digest of its effect id takes none of its time", async () => {
  const { result, handled, timers } = run(new AbortController().signal);
  expect(await result).toEqual({ kind: "done" });
  expect(handled()).toBe(1);
  expect(timers.size).toBe(0);
});

test("handler: a stop before its effect id is known begins no handler", async () => {
  const stop = new AbortController();
  const { result, handled } = run(stop.signal);
  stop.abort();
  expect(await result).toEqual({ kind: "cut-off" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(handled()).toBe(0);
});
