/** The subscribers of the Worker of the tests, and what they did. The tests and the Worker share one isolate. */
import { env } from "cloudflare:workers";
import { type HandlerContext, processManager, subscriber } from "../../src/sync-server/cloudflare.ts";
import { task } from "../support/board-domain.ts";

export type Mail = { readonly title: string; readonly secret: string } & Pick<
  HandlerContext,
  "log" | "effectId" | "attempt"
>;

/** The mail service, which the tests break. */
export const mails = {
  sent: [] as Mail[],
  /** The attempts that failed, by title. */
  failed: [] as string[],
  /** The titles that fail until the set does not contain them. */
  broken: new Set<string>(),
  /** The titles whose handlers hang until the test lets them go. */
  held: new Map<string, Promise<void>>(),
  of: (log: string): readonly Mail[] => mails.sent.filter((mail) => mail.log === log),
  titles: (log: string): readonly string[] => mails.of(log).map(({ title }) => title),
};

async function send(title: string, { log, effectId, attempt }: HandlerContext): Promise<void> {
  await mails.held.get(title);
  if (mails.broken.has(title)) {
    mails.failed.push(title);
    throw new Error(`no mail for ${title}`);
  }
  mails.sent.push({ title, log, effectId, attempt, secret: env.MAIL_SECRET });
}

export const mailer = subscriber("mailer", {
  from: [task],
  start: "beginning",
  retry: { attempts: 3, firstMs: 20_000, maxMs: 40_000 },
  on: {
    TaskAdded: ({ data }, context) => send(data.title, context),
    TaskRenamed: ({ data }, context) => send(data.title, context),
  },
});

/**
 * Copies each task of a log `copy-…` into another log. Notes each task of a log `note-…` or `late-…` in its own stream,
 * in `late-…` at the second attempt.
 */
export const follower = subscriber("follower", {
  from: [task],
  start: "beginning",
  retry: { attempts: 3, firstMs: 3_000 },
  on: {
    TaskAdded: async ({ id, data, stream }, { log, execute, attempt }) => {
      if (log.startsWith("late-") && attempt === 1) throw new Error("not now");
      const taskId = stream.slice("task/".length);
      if (log.startsWith("copy-"))
        await execute(task.command.add(taskId, { title: data.title, column: "copied" }), { log: `to-${log}` });
      if (/^(note|late)-/.test(log)) await execute(task.command.note(taskId, { text: id }));
    },
  },
});

/** Notes a task of the column `timed` or `slow` at once, and completes it after 3 seconds or an hour. */
export const closer = processManager("closer", {
  version: 1,
  from: [task],
  start: "beginning",
  initial: null as { readonly title: string } | null,
  key: (event) =>
    event.type === "TaskAdded" && /^(timed|slow)$/.test(event.data.column) ? event.stream.slice("task/".length) : [],
  on: {
    TaskAdded: (_, { key, data }, { run, later }) => {
      run(task.command.note(key, { text: "seen" }));
      later("close", data.column === "slow" ? 3_600_000 : 3_000, task.command.complete(key));
      return { title: data.title };
    },
  },
});
