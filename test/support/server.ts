/** Starts a sync server on a free port, on memory or a real SQLite file, for tests of the client. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../src/sync-server/node.ts";
import type { SyncServerOptions } from "../../src/sync-server/app.ts";
import { memory } from "../../src/sync-server/stores/memory.ts";
import { domain } from "./board-domain.ts";

export type RunningServer = { readonly url: string; readonly port: number; readonly close: () => Promise<void> };

/** The bearer token is the name of its actor. */
export async function startServer(
  options: Partial<SyncServerOptions> & { readonly port?: number } = {},
): Promise<RunningServer> {
  const authorize = (request: Request) => {
    const [, actor] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    return actor === undefined ? null : { actor };
  };
  return serve({ domain, store: memory(), authorize, port: 0, hostname: "127.0.0.1", ...options });
}

export async function temporaryFolder(): Promise<{
  readonly path: (name: string) => string;
  readonly remove: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-test-"));
  return { path: (name) => join(folder, name), remove: () => rm(folder, { recursive: true, force: true }) };
}
