// A SQL model, a subscriber and a process manager of the board, for tests that need one of each.
import { processManager } from "../../src/sync-server/processes/process-manager.ts";
import { sqlModel } from "../../src/sync-server/read-models/sql-model.ts";
import { subscriber } from "../../src/sync-server/subscribers/subscriber.ts";
import { task } from "./board-domain.ts";

export const mailer = subscriber("mailer", { from: [task], start: "beginning", on: { TaskAdded: async () => {} } });
export const flow = processManager("flow", {
  version: 1,
  from: [task],
  start: "beginning",
  initial: null as { added: true } | null,
  key: (event) => event.stream,
  on: { TaskAdded: () => ({ added: true as const }) },
});

export const titles = sqlModel("titles", {
  version: 1,
  from: [task],
  tables: { title: (t) => `create table ${t} (id text primary key)` },
  on: { TaskAdded: ({ stream }, t) => [{ sql: `insert into ${t.title} (id) values (?)`, params: [stream] }] },
});
