// A timer that repeats would keep an object awake, and an object is billed while it is awake.
import { afterEach, expect, test, vi } from "vitest";
import { syncServer } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { person } from "../../../support/sync-requests.ts";

afterEach(() => void vi.useRealTimers());

test("liveTicks: false leaves no timer after the work of a push, a socket and a read model", async () => {
  vi.useFakeTimers();
  const waiting = new Set<object>();
  const server = syncServer({
    domain,
    store: memory(),
    authorize: () => ({ actor: "ada" }),
    models: [board],
    liveTicks: false,
    env: {
      ...runtimeEnv,
      setTimer: (run, delayMs) => {
        const timer = {};
        waiting.add(timer);
        const cancel = runtimeEnv.setTimer(() => {
          waiting.delete(timer);
          run();
        }, delayMs);
        return () => {
          waiting.delete(timer);
          cancel();
        };
      },
    },
  });
  const sent: string[] = [];
  const connection = server.live.resume(
    {
      bufferedBytes: 0,
      answeredAt: Date.now(),
      send: (frame) => void sent.push(frame),
      save: () => {},
      terminate: () => {},
      close: () => {},
    },
    { log: "board", cursor: null, principal: { actor: "ada" }, presence: null, checkedAt: Date.now() },
  );
  const ada = person(server, "ada");
  await ada.push([ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))]);
  connection.receive(JSON.stringify({ type: "presence", client: crypto.randomUUID(), data: "here" }));
  await server.live.watch(600_000);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(sent.map((frame) => frame.slice(0, 16))).toEqual(['{"type":"records', '{"type":"presenc']);
  expect([...waiting]).toEqual([]);
});
