/** New ids in a browser. */
import { uuidv7, UUID_RANDOM_BYTES } from "../../core/values/id.ts";
import { browserEnv } from "./browser-env.ts";

/**
 * Returns a new id for a stream: a UUID of version 7.
 *
 * It also works on plain http, where `crypto.randomUUID` is missing.
 *
 * @example
 * await log.execute(task.command.add(randomId(), { title: "Milk", column: "todo" }));
 */
export function randomId(): string {
  return uuidv7(browserEnv.now(), browserEnv.randomBytes(UUID_RANDOM_BYTES));
}
