// Rights that end while an object never sleeps, with a clock that the test moves.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { syncServer } from "../../../../src/sync-server/app.ts";
import { mountAt } from "../../../../src/sync-server/http/mount-routes.ts";
import { LogHandles } from "../../../../src/sync-server/hosts/log-handles.ts";
import { LogObject } from "../../../../src/sync-server/hosts/log-object.ts";
import { authorizeByWorker } from "../../../../src/sync-server/hosts/verified-principal.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { sleepingRuntime } from "../../../support/sleeping-runtime.ts";
import { person } from "../../../support/sync-requests.ts";

const START = Date.UTC(2026, 10, 1);
const ada = encodeURIComponent(JSON.stringify({ actor: "ada" }));

beforeEach(() => void vi.useFakeTimers({ now: START, toFake: ["Date"] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Pushes a commit every three seconds. The right of bob, who opened his socket at `joinedAt`, ends at `lostAt`. */
async function lastRecordOfBob(joinedAt: number, lostAt: number): Promise<number> {
  vi.setSystemTime(START);
  const { context, openSocket } = sleepingRuntime("board");
  let last = 0;
  const server = syncServer({
    domain,
    store: memory(),
    authorize: authorizeByWorker(() => null),
    permit: ({ actor }) => actor !== "bob" || Date.now() < START + lostAt,
    liveTicks: false,
    onError: (error) => {
      throw error;
    },
  });
  openSocket(
    {
      log: "board",
      cursor: null,
      principal: { actor: "bob" },
      presence: null,
      checkedAt: START + joinedAt,
      heardAt: START + joinedAt,
    },
    (frame) => {
      if (frame.includes(`"type":"records"`)) last = Date.now() - START;
    },
  );
  const app = mountAt("/sync", server);
  const { live, poke, log, drop, importLog } = server;
  const object = new LogObject({
    context,
    prefix: "/sync",
    handles: new LogHandles(domain.definition, []),
    permitMs: 600_000,
    tasks: {},
    report: () => {},
    server: { request: async (request) => app.fetch(request), live, poke, log, drop, importLog },
  });
  const author = person(
    {
      request: (path, init) => {
        const request = new Request(`https://example.org/sync${path}`, init);
        request.headers.set("dacapo-principal", ada);
        request.headers.set("dacapo-checked", "read");
        return object.fetch(request);
      },
    },
    "ada",
  );
  let { cursor } = await author.push([]);
  for (let second = 0; second < 120; second += 3) {
    vi.setSystemTime(START + second * 1_000);
    ({ cursor } = await author.push(
      [author.commit(task.command.add(`t${second}`, { title: "Milk", column: "todo" }))],
      cursor,
    ));
    // The server sends the records of a burst together.
    await new Promise((resolve) => setTimeout(resolve, 55));
  }
  await server.close();
  return last;
}

test("permit: a person without the right gets no record 40 s later, also in a busy object", async () => {
  const times = [
    [-39_000, -38_000],
    [-39_000, 2_000],
    [-1_000, 41_000],
  ] as const;
  for (const [joinedAt, lostAt] of times) {
    const last = await lastRecordOfBob(joinedAt, lostAt);
    expect(last).toBeGreaterThanOrEqual(lostAt - 3_000);
    expect(last).toBeLessThanOrEqual(lostAt + 40_000);
  }
});
