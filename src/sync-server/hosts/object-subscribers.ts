/**
 * The subscribers of the objects on the edge: their checks, and commands in the logs of other objects.
 *
 * Guarantees:
 * - A handler that could outlast an alarm is refused when the Worker starts (cloudflare.subscribers.test.ts).
 * - A command in another log goes to the object of that log with the derived commit id. So that log records it once,
 *   also if this object fails before it gets the answer (cloudflare.subscribers.test.ts).
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import { listOf } from "../base/list-of.ts";
import type { ExecuteAs } from "../subscribers/handler-execute.ts";
import { isStrongModel, type ServerModel } from "../read-models/strong.ts";
import { type AnyProcessManager, checkedProcesses, splitSubscribers } from "../processes/process-manager.ts";
import { checkedSubscribers, type Subscriber } from "../subscribers/subscriber.ts";
import type { LogObjects } from "./log-objects.ts";

/** Milliseconds of an attempt, at most. The runtime ends an alarm after 15 minutes. */
const TIMEOUT_MS_MAX = 600_000;

/** Checks the option `subscribers` before the first object exists. */
export function checkedObjectSubscribers({
  domain,
  subscribers = [],
  models = [],
}: {
  readonly domain: { readonly definition: DomainDefinition };
  readonly subscribers?: readonly (Subscriber | AnyProcessManager)[];
  readonly models?: readonly ServerModel[];
}): void {
  const { subscribers: handlers, processes } = splitSubscribers(subscribers);
  const checked = checkedSubscribers(domain.definition, handlers);
  const ofModels = models.map((model) => (isStrongModel(model) ? model.strong : model));
  checkedProcesses(domain.definition, processes, new Set([...checked, ...ofModels].map(({ name }) => name)));
  for (const { name, timeoutMs } of checked)
    if (timeoutMs > TIMEOUT_MS_MAX)
      refuseDefinition(
        `The timeoutMs of subscriber ${name} is ${timeoutMs}, and an object has at most ${TIMEOUT_MS_MAX}`,
        "Pass a shorter time. Let a longer work run elsewhere, and let its end execute a command.",
        { option: "timeoutMs" },
      );
}

/** Returns the `executeAs` of the object of `own`. Commands in other logs go to their objects. */
export function executeInObjects(objects: LogObjects, env: object, own: string, execute: ExecuteAs): ExecuteAs {
  return (log, commands, by) =>
    log === own
      ? execute(log, commands, by)
      : objects.call(env, log, (object) => object.call(log, "execute", [listOf(commands), by]));
}
