/**
 * The log writer: one queue for each log that has work, and one append at a time in each queue.
 *
 * Guarantees (log-writer.test.ts):
 * - The waiting pushes are bounded in number and bytes. More of them are refused as `overloaded`.
 * - A log without work uses no memory, except its share of the caches.
 * - After `close` every new push is refused as `restarting`. The pushes before it are settled.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Permit } from "../access/authorize.ts";
import type { Env } from "../base/env.ts";
import type { ServerLimits } from "../base/limits.ts";
import { Observer, type Step } from "../base/observer.ts";
import { createRecentRecords, type RecentRecords } from "./recent-records.ts";
import type { AdmittedPush, Appended, PushResult } from "./admit-push.ts";
import { appendBatch, failedBatch } from "./append-batch.ts";
import type { EventStore } from "../stores/event-store.ts";
import { createStreamCache } from "../streams/stream-cache.ts";
import { type StrongKeepers, StrongModels } from "./strong-models.ts";
import { createWriterQueue, type WriterQueue } from "./writer-queue.ts";
import type { LogName } from "../../core/values/ids.ts";

export type LogWriter = {
  readonly push: (log: LogName, push: AdmittedPush) => Promise<PushResult>;
  /** Returns the records between two cursors if this node wrote or read them lately. Null: read the store. */
  readonly recent: RecentRecords["between"];
  /** Notes records of another node that this node read, so that its next append needs no read. */
  readonly follow: RecentRecords["follow"];
  /** True if pushes wait, or one arrived within the last 100 milliseconds. Work in the background then rests. */
  readonly isBusy: () => boolean;
  readonly close: () => Promise<void>;
};

const BUSY_MS = 100;

export type LogWriterOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  /** The read models, of which the writer folds the strong ones. @default no read models */
  readonly keepers?: StrongKeepers;
  readonly permit: Permit;
  readonly limits: ServerLimits;
  readonly env: Env;
  /**
   * Called after each append with its records. Null: records may have been written, so read the store. `isFolded`: the
   * append moved the rows of all read models. If it throws, the error is only reported, because the call is a hint.
   */
  readonly onAppended: (log: LogName, appended: Appended | null, isFolded: boolean) => void;
  readonly report: (error: unknown) => void;
  /** @default an observer that reports nothing */
  readonly observer?: Observer;
};

export function createLogWriter(options: LogWriterOptions): LogWriter {
  const { limits, env, onAppended, report, observer = new Observer() } = options;
  const strongModels = new StrongModels(options);
  const queues = new Map<string, WriterQueue<AdmittedPush, PushResult>>();
  const cache = createStreamCache();
  const recentRecords = createRecentRecords();
  let waitingBytes = 0;
  let pushedAt = -Infinity;
  let closed = false;
  let whenIdle: (() => void) | null = null;

  const publish = (log: LogName, appended: Appended | null, isFolded = false): void => {
    try {
      onAppended(log, appended, isFolded);
    } catch (error) {
      report(error);
    }
  };
  const settle = async (log: LogName, pushes: readonly AdmittedPush[]): Promise<readonly PushResult[]> => {
    const run = observer.run("batch", stepsOf(pushes), { log }, (step) => {
      const commits = pushes.reduce((sum, push) => sum + push.commits.length, 0);
      step.set({ pushes: pushes.length, commits });
      step.record("batch.size", commits);
      return appendBatch({ ...options, strongModels, log, cache, recentRecords, step }, pushes);
    });
    const { results, appended, mayHaveMoved, isFolded, failed } = await run.catch(failedBatch);
    if (!failed) {
      // `appended` names the cursor before it. So a reader that missed the records of another node notices the gap.
      if (appended || mayHaveMoved) publish(log, appended, isFolded && !mayHaveMoved);
      return results;
    }
    cache.drop(log);
    strongModels.drop(log);
    report(failed.error);
    publish(log, null);
    const code = isStorageFull(failed.error) ? "storage-full" : "unavailable";
    return pushes.map((_, n): PushResult => results[n] ?? { kind: "refused", code });
  };

  const queueOf = (log: LogName): WriterQueue<AdmittedPush, PushResult> => {
    const before = queues.get(log);
    if (before) return before;
    const queue = createWriterQueue<AdmittedPush, PushResult>({
      settle: (pushes) => settle(log, pushes),
      batchSize: (waiting) => batchSize(waiting, limits),
      gather: env.nextTurn,
      idle: () => {
        queues.delete(log);
        if (queues.size === 0) whenIdle?.();
      },
    });
    queues.set(log, queue);
    return queue;
  };

  return {
    push: async (log, push) => {
      if (closed) return { kind: "refused", code: "restarting" };
      const queue = queueOf(log);
      if (queue.waiting() >= limits.waitingPushesMax || waitingBytes + push.bytes > limits.waitingBytesMax)
        return { kind: "refused", code: "overloaded" };
      waitingBytes += push.bytes;
      pushedAt = env.now();
      observer.record("queue.length", 1);
      try {
        return await queue.add(push);
      } finally {
        waitingBytes -= push.bytes;
        observer.record("queue.length", -1);
      }
    },
    recent: recentRecords.between,
    follow: recentRecords.follow,
    isBusy: () => queues.size > 0 || env.now() - pushedAt < BUSY_MS,
    close: async () => {
      closed = true;
      if (queues.size > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
    },
  };
}

/** The number of waiting pushes that fit into one append. The queue takes one if none fits. */
function batchSize(waiting: readonly AdmittedPush[], { batchCommitsMax, batchBytesMax }: ServerLimits): number {
  let commits = 0;
  let bytes = 0;
  for (const [index, push] of waiting.entries()) {
    commits += push.commits.length;
    bytes += push.bytes;
    if (commits > batchCommitsMax || bytes > batchBytesMax) return index;
  }
  return waiting.length;
}

function stepsOf(pushes: readonly AdmittedPush[]): readonly Step[] {
  return pushes.flatMap(({ step }) => step ?? []);
}

function isStorageFull(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "storage-full";
}
