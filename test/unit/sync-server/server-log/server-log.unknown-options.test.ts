// A misspelled option of a call is refused, because without it the call would do something else.
import { afterEach, expect, test } from "vitest";
import { type SyncServer, syncServer } from "../../../../src/sync-server/app.ts";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { flow, mailer, titles } from "../../../support/board-followers.ts";
import { containing } from "../../../support/matchers.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const server = (): SyncServer => {
  const started = syncServer({
    domain,
    store: sqlite(":memory:"),
    authorize: bearer({ tokens: { "adas-secret": "ada" } }),
    models: [board, titles],
    subscribers: [mailer, flow],
  });
  servers.push(started);
  return started;
};
type Log = ReturnType<SyncServer["log"]>;

/** Calls that take any further options, as programs without types do. */
const calls = {
  execute: (log: Log, more: object) => log.execute(task.command.add("t1", { title: "Milk", column: "todo" }), more),
  rows: (log: Log, more: object) => log.rows(board, more),
  query: (log: Log, more: object) => log.query(titles, (t) => `select id from ${t.title}`, [], more),
  history: async (log: Log, more: object) => log.history(task, "t1", more),
  subscribe: async (log: Log, more: object) => log.subscribe(more),
  rebuild: (log: Log, more: object) => log.models.rebuild(board, more),
  populate: (log: Log, more: object) => log.models.populate([board], more),
  verify: (log: Log, more: object) => log.models.verify(board, more),
  startVerify: (log: Log, more: object) => log.models.startVerify(board, more),
  replay: (log: Log, more: object) => log.models.replay({ into: () => {}, ...more }),
  replayIntoScratch: (log: Log, more: object) => log.models.replayIntoScratch(board, more),
  commands: (log: Log, more: object) => log.processes.commands("flow", more),
};

test.each([
  ["execute", "expectedVersoin", 2, "actor, as, expectedVersion, id, meta, causedBy"],
  ["rows", "prefx", "task/", "keys, prefix, from, to, after, limit, at, waitMs, older"],
  ["query", "limt", 5, "at, waitMs, limit"],
  ["history", "afterr", 1, "after"],
  ["subscribe", "type", ["TaskAdded"], "from, types, streams, signal"],
  ["rebuild", "onErorr", "stop", "onError, duty, onProgress"],
  ["populate", "dutty", 0.1, "onError, duty, onProgress"],
  ["verify", "onError", "stop", "duty, onProgress"],
  ["startVerify", "onError", "stop", "duty, onProgress"],
  ["replay", "until", 3, "after, to, types, streams, into"],
  ["replayIntoScratch", "until", 3, "after, to, types, streams"],
  ["commands", "prefix", "order/", "after, limit"],
] as const)("%s: refuses the unknown option %s and lists the known ones", async (call, option, value, known) => {
  const log = server().log("board");
  await expect(calls[call](log, { [option]: value })).rejects.toMatchObject({
    code: "definition",
    message: `\`${call}\` has no option ${option}`,
    fix: containing(known),
    details: { option },
  });
  expect((await log.load(task, "t1")).version).toBe(0);
});

test("server.log: an unknown option that is undefined is accepted", async () => {
  const { log } = server();
  for (const [name, call] of Object.entries(calls))
    await expect(call(log(`board-${name}`), { onErorr: undefined }), name).resolves.toBeDefined();
});
