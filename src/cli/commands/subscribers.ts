/** `dacapo subscribers LOG`: the places of the subscribers of a log, and the actions of an operator on them. */
import { DefinitionError } from "../../core/values/errors.ts";
import { decodeCursor } from "../../core/history/record.ts";
import type { LogSubscribers, SubscriberStatus } from "../../sync-server/subscribers/log-subscribers.ts";
import type { MakeCommand } from "../base/command.ts";
import { type OperateOptions, operatorCommand, withLog } from "../base/operate.ts";
import { count, type Output, printable, table } from "../base/output.ts";

type SubscribersOptions = OperateOptions & { readonly reason?: string; readonly from?: string; readonly yes?: true };

type Act = {
  readonly subscribers: LogSubscribers;
  readonly name: string;
  readonly events: readonly string[];
  readonly options: SubscribersOptions;
};

/** Each verb returns the line that people read. */
const VERBS: Readonly<Record<string, (act: Act) => Promise<string>>> = {
  pause: async ({ subscribers, name }) => {
    await subscribers.pause(name);
    return `Paused ${name}.`;
  },
  resume: async ({ subscribers, name }) => {
    await subscribers.resume(name);
    return `Resumed ${name}.`;
  },
  retry: async ({ subscribers, name, events }) => {
    const retried = await subscribers.retry(name, events.length === 0 ? undefined : events);
    return `${name} tries ${count(retried, "event")} again.`;
  },
  skip: async ({ subscribers, name, events, options }) => {
    const [event] = events;
    if (event === undefined || options.reason === undefined)
      throw wrong("skip needs one event and a reason", 'Pass an event of `parked`, and --reason "no such address".');
    await subscribers.skip(name, event, options.reason);
    return `${name} passes over ${event}.`;
  },
  reset: async ({ subscribers, name, options: { from, yes } }) => {
    if (from === undefined || (from !== "beginning" && !decodeCursor(from)))
      throw wrong("reset needs a place", "Pass --from beginning, or --from with a cursor of `dacapo events --json`.");
    if (!yes)
      throw wrong(
        `The handlers of ${name} would run again for the events behind ${from}`,
        "Pass --yes to agree. The effect ids are the same.",
      );
    await subscribers.reset(name, { from: from === "beginning" ? from : { cursor: from }, effects: "repeat" });
    return `Reset ${name} to ${from}.`;
  },
};

export const subscribers: MakeCommand = () =>
  operatorCommand(
    "subscribers",
    "List the places of subscribers, or act on one: parked, pause, resume, retry, skip, reset.",
    "dacapo subscribers team-7 --store sqlite:logs.db --config ./dacapo.config.ts\n" +
      "dacapo subscribers team-7 retry mailer --store sqlite:logs.db --config ./dacapo.config.ts",
  )
    .argument("[verb]", `parked, ${Object.keys(VERBS).join(", ")} (default: list the places)`)
    .argument("[name]", "the subscriber")
    .argument("[events...]", "for retry and skip: the parked events (retry without them: all)")
    .option("--reason <text>", "for skip: why")
    .option("--from <place>", "for reset: `beginning`, or a cursor")
    .option("--yes", "for reset: the handlers may run again for events that they have handled")
    .action(
      (
        log: string,
        verb: string | undefined,
        name: string | undefined,
        events: readonly string[],
        options: SubscribersOptions,
      ) =>
        withLog(options, log, async (operated, output) => {
          if (verb === undefined) return list(await operated.subscribers.list(), output);
          if (name === undefined) throw wrong(`${verb} needs a subscriber`, `Pass its name: ${verb} mailer.`);
          if (verb === "parked") return parked(operated.subscribers, name, output);
          const act = VERBS[verb];
          if (!act) throw wrong(`There is no verb ${verb}`, `The verbs are parked, ${Object.keys(VERBS).join(", ")}.`);
          const line = await act({ subscribers: operated.subscribers, name, events, options });
          const status = (await operated.subscribers.list()).find((one) => one.name === name);
          await output.result(line, { ...jsonOf(status), verb });
        }),
    );

async function list(all: readonly SubscriberStatus[], output: Output): Promise<void> {
  const cells = all.map(({ name, state, behind, waiting, parked: held }) => [name, state, behind, waiting, held]);
  const lines = table([["subscriber", "state", "behind", "waiting", "parked"], ...cells]);
  if (!output.isJson && all.length > 0) await output.write(`${lines[0]}\n`);
  for (const [n, status] of all.entries()) await output.result(lines[n + 1] ?? "", jsonOf(status));
  output.remark(all.length === 0 ? "The config has no subscribers." : count(all.length, "subscriber"));
}

async function parked(log: LogSubscribers, name: string, output: Output): Promise<void> {
  const events = await log.parked(name);
  for (const event of events) {
    const { event: id, type, stream, version, attempts, reason } = event;
    const line = `${id}  ${stream} v${version}  ${type}  ${count(attempts, "attempt")}: ${reason}`;
    await output.result(printable(line), { ...event });
  }
  output.remark(`${count(events.length, "event")} parked.`);
}

function jsonOf(status: SubscriberStatus | undefined) {
  return status ? { ...status, skipped: status.skipped.map((one) => ({ ...one })) } : {};
}

function wrong(message: string, fix: string): DefinitionError {
  return new DefinitionError({ message, fix });
}
