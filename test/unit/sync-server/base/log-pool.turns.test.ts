// The background work of a runtime that sleeps between events: turns with limits, and no timers in between.
import { expect, test } from "vitest";
import { subscriber, type SyncServerOptions } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { board, task } from "../../../support/board-domain.ts";
import { testServer } from "../../../support/sync-requests.ts";

const START = 1_000_000;
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });

/** A server that sleeps, on a clock that the test moves. `timers` counts those that have not fired. */
function sleeping(
  handle: (title: string) => void,
  turn = { ms: 20_000, calls: 10 },
  options: Partial<SyncServerOptions> = {},
) {
  const clock = { now: START, timers: 0 };
  const calls: string[] = [];
  const worker = subscriber("worker", {
    from: [task],
    start: "beginning",
    concurrency: 1,
    retry: { attempts: 3, firstMs: 60_000 },
    on: {
      TaskAdded: ({ data }) => {
        calls.push(data.title);
        handle(data.title);
      },
    },
  });
  const server = testServer({
    subscribers: [worker],
    liveTicks: false,
    onError: () => {},
    sleeps: { turn, executeAs: (execute) => execute },
    env: {
      ...runtimeEnv,
      now: () => clock.now,
      randomBytes: (count) => new Uint8Array(count).fill(128),
      setTimer: (run, ms) => {
        clock.timers++;
        let isOpen = true;
        const end = (): void => {
          if (isOpen) clock.timers--;
          isOpen = false;
        };
        const cancel = runtimeEnv.setTimer(() => {
          end();
          run();
        }, ms);
        return () => {
          end();
          cancel();
        };
      },
    },
    ...options,
  });
  return { server, clock, calls };
}

const titles = (count: number) => Array.from({ length: count }, (_, n) => `t${n}`);

test("work: a turn ends after its number of calls, and the next one continues in order", async () => {
  const { server, clock, calls } = sleeping(() => {});
  await server.log("board").execute(titles(25).map(add));
  const ends: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const nextAt = await server.work("board");
    ends.push(calls.length);
    // Before its time nothing runs.
    expect(await server.work("board")).toBe(nextAt);
    expect(calls.length).toBe(ends.at(-1));
    clock.now = nextAt === Infinity ? clock.now : nextAt;
  }
  expect(ends).toEqual([10, 20, 25]);
  expect(calls).toEqual(titles(25));
  expect(clock).toEqual({ now: START + 2_000, timers: 0 });
  await server.close();
});

test("work: a turn ends after its time, though a handler causes new work", async () => {
  const { server, clock, calls } = sleeping(() => void (clock.now += 6_000), { ms: 20_000, calls: 1_000 });
  await server.log("board").execute(titles(9).map(add));
  expect(await server.work("board")).toBe(clock.now + 1_000);
  expect(calls.length).toBe(4);
  await server.close();
});

test("work: returns the time of the next attempt, and sets no timer for it", async () => {
  let isBroken = true;
  const { server, clock, calls } = sleeping((title) => {
    if (isBroken && title === "t0") throw new Error("down");
  });
  await server.log("board").execute(titles(2).map(add));
  expect(await server.work("board")).toBe(START + 60_000);
  expect({ calls, timers: clock.timers }).toEqual({ calls: ["t0", "t1"], timers: 0 });
  isBroken = false;
  clock.now += 60_000;
  expect(await server.work("board")).toBe(Infinity);
  expect(calls).toEqual(["t0", "t1", "t0"]);
  await server.close();
});

test("work: a job of a read model that rests for moments continues within the turn", async () => {
  const { server, clock } = sleeping(() => {}, { ms: 20_000, calls: 1_000 }, { models: [board] });
  const { models, execute } = server.log("board");
  for (let n = 0; n < 12; n++) await execute(Array.from({ length: 50 }, (_, m) => add(`t${n}-${m}`)));
  await server.work("board");
  const job = await models.rebuild(board, { duty: 0.05 });
  let turns = 0;
  for (; (await job.progress()).phase === "running" && turns < 100; turns++) {
    const nextAt = await server.work("board");
    expect(clock.timers).toBe(0);
    if (nextAt !== Infinity) clock.now = nextAt;
  }
  expect((await job.progress()).phase).toBe("done");
  await server.close();
});

test("work: a closed server leaves no timer, and the call resolves", async () => {
  const { server, clock } = sleeping(() => {}, { ms: 20_000, calls: 1 });
  await server.log("board").execute(titles(9).map(add));
  const working = server.work("board");
  await server.close();
  await working;
  expect(clock.timers).toBe(0);
});
