/** The subscriber and the process manager of the simulated servers. */
import { processManager, subscriber } from "../../../../src/sync-server/app.ts";
import type { Effects } from "./effects.ts";
import { COUNTERS, type Release } from "./domain.ts";
import { ECHO, FLOW, MAILER, OTHER_LOG } from "./names.ts";
import { REMINDERS_MAX } from "./timers.ts";

/** Whom a process answers: a rejection, the second release, and the other process, three times in turn. */
const ANSWERS = { rejected: "rejection", second: "second-release", ping: "ping", pong: "pong", end: "end" } as const;
export const { rejected: REJECTED, second: SECOND } = ANSWERS;
/** The answers of two processes that feed each other. */
export const TURNS = [ANSWERS.ping, ANSWERS.pong, ANSWERS.end] as const;

export type Subscriptions = {
  readonly release: Release;
  readonly effects: Effects;
  /** Waits as the node's code does: never on, if the node died. */
  readonly wait: (ms: number) => Promise<void>;
  /** True: the code of the process manager has its bug. */
  readonly isBroken: () => boolean;
};

const idOf = (stream: string): string => stream.slice(stream.indexOf("/") + 1);

/** Sends a mail for each amount, and notes it in two logs. */
export function mailerOf({ release: { counter, audit }, effects, wait }: Subscriptions) {
  return subscriber(MAILER, {
    from: [counter],
    start: "beginning",
    concurrency: 3,
    timeoutMs: 4_000,
    retry: { attempts: 3, firstMs: 200, maxMs: 1_000 },
    on: {
      Counted: async (event, { effectId, execute }) => {
        effects.begin(event, effectId);
        const { delayMs, fails } = effects.draw();
        await wait(delayMs);
        if (fails === "before") throw new Error("The mail server failed");
        if (fails === "hangs") await new Promise(() => {});
        const note = audit.command.note(COUNTERS[(event.position ?? 0) % COUNTERS.length] ?? "a", { event: event.id });
        await execute(note);
        await execute(note, { log: OTHER_LOG, key: "other" });
        if (fails === "after") throw new Error("The connection to the mail server was lost");
        effects.end(event);
      },
    },
  });
}

/** Acknowledges each job, and lets it expire if it is not finished in time. The second release also answers. */
export function flowOf({ release: { job, process }, isBroken }: Subscriptions) {
  return processManager(FLOW, {
    version: process,
    from: [job],
    start: "beginning",
    initial: null as { readonly acknowledged: boolean } | null,
    on: {
      Started: (_, { key, data }, { run, later }) => {
        if (data.isPoison && isBroken()) throw new Error("The code has a bug");
        run(job.command.acknowledge(idOf(key)));
        later("deadline", data.ms, job.command.expire(idOf(key)));
        for (const [n, ms] of (data.reminders ?? []).entries())
          later(`reminder-${n}`, ms, job.command.remind(idOf(key), { n }));
        if (process === 2) run(job.command.answer(idOf(key), { to: SECOND }));
        return { acknowledged: false };
      },
      Acknowledged: (row) => row && { ...row, acknowledged: true },
      Answered: (row, { key, data }, { run }) => {
        if (data.to === ANSWERS.ping) run(job.command.answer(idOf(key), { to: ANSWERS.pong }));
        return row;
      },
      Finished: (row, _, { drop }) => {
        drop("deadline");
        for (let n = 0; n < REMINDERS_MAX; n++) drop(`reminder-${n}`);
        return row;
      },
      Expired: () => null,
    },
    onRejected: ({ key }, { run }) => run(job.command.answer(idOf(key), { to: REJECTED })),
  });
}

/** Answers each job in turn with the other process manager. */
export function echoOf({ release: { job } }: Subscriptions) {
  return processManager(ECHO, {
    version: 1,
    from: [job],
    start: "beginning",
    initial: null as { readonly turns: number } | null,
    on: {
      Acknowledged: (_, { key }, { run }) => {
        run(job.command.answer(idOf(key), { to: ANSWERS.ping }));
        return { turns: 1 };
      },
      Answered: (row, { key, data }, { run }) => {
        if (data.to === ANSWERS.pong) run(job.command.answer(idOf(key), { to: ANSWERS.end }));
        return row && { turns: row.turns + 1 };
      },
    },
  });
}
