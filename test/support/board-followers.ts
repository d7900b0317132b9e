// A subscriber and a process manager of the board, for tests that need one of each.
import { processManager } from "../../src/sync-server/processes/process-manager.ts";
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
