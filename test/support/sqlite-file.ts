/** A temporary SQLite file that several stores may open. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
import { sqlite } from "../../src/sync-server/stores/sqlite.ts";

export async function sqliteFile(): Promise<{ readonly open: () => EventStore; readonly remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-"));
  return { open: () => sqlite(join(folder, "logs.db")), remove: () => rm(folder, { recursive: true, force: true }) };
}
