/** The worker's end of `log.moveTo`: opens the other user's store, moves the work, and wakes the tabs of both logs. */
import { BugError, ValidationError } from "../../core/values/errors.ts";
import type { Actor } from "../../core/values/ids.ts";
import type { Engine } from "../engine/engine.ts";
import { moveLog } from "../engine/move-log.ts";
import { requireNames } from "../messages/worker-messages.ts";
import { databaseName } from "../stores/database-name.ts";
import { connectPeers } from "../tabs/peers.ts";
import type { SessionParts } from "./session-parts.ts";

export async function moveTo(engine: Engine, { env, options, openStore }: SessionParts, user: Actor): Promise<void> {
  const { log, namespace } = options;
  requireNames({ log, user });
  if (user === options.user)
    throw new ValidationError({
      message: `The log is already the log of ${user}`,
      fix: "Pass the name of another user.",
      details: { path: ["user"], reason: "is the user of this log" },
    });
  if (!openStore) throw new BugError("This log was opened without openStore");
  const target = await openStore(user);
  try {
    await moveLog(engine.store, target, user);
  } finally {
    target.close();
  }
  // The tabs of the moved log read their database, find that it is gone, and end. This tab is one of them.
  for (const name of [user, options.user]) {
    const peers = connectPeers(env, databaseName(log, name, namespace));
    peers.hint();
    peers.close();
  }
}
