/** Starts sync servers on free ports, by default each on its own SQLite file. `stopAll` removes them after the test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bearer } from "../../src/sync-server/app.ts";
import { type RunningServer, serve, type ServeOptions } from "../../src/sync-server/node.ts";
import { sqlite } from "../../src/sync-server/stores/sqlite.ts";
import { domain } from "./board-domain.ts";
import { type Person, person, tokens } from "./sync-requests.ts";

type Started = RunningServer & {
  readonly person: (actor: string, log?: string) => Person;
  /** The SQLite file, for another server on the same file. */
  readonly file: string;
};

export function runningServer() {
  const undo: (() => Promise<void>)[] = [];
  return {
    start: async (options: Partial<ServeOptions> & { readonly file?: string } = {}): Promise<Started> => {
      const folder = await mkdtemp(join(tmpdir(), "dacapo-"));
      undo.push(() => rm(folder, { recursive: true, force: true }));
      const { file = join(folder, "logs.db"), ...rest } = options;
      const server = await serve({
        domain,
        store: rest.store ?? sqlite(file),
        authorize: bearer({ tokens }),
        port: 0,
        hostname: "127.0.0.1",
        ...rest,
      });
      undo.push(server.close);
      const request = (path: string, init?: RequestInit) => fetch(`${server.url}${path}`, init);
      return { ...server, file, person: (actor, log) => person({ request }, actor, log === undefined ? {} : { log }) };
    },
    stopAll: async (): Promise<void> => {
      for (const step of undo.splice(0).reverse()) await step();
    },
  };
}
