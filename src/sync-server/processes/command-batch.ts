/**
 * Executes the commands that are due, several of each process in their order, and computes the write that follows.
 *
 * One write settles the whole batch, because each write contains the whole outbox of a process.
 *
 * Guarantees (processes.batch.test.ts, processes.model.test.ts, processes.kill.test.ts):
 * - A command leaves the outbox only in a write after the log settled it. After a crash the batch is executed again,
 *   and the log returns the first outcomes.
 * - A batch executes only commands that are stored. So the command of a rejection is stored before it is executed.
 * - A timer follows in a batch only if no event of the batch can drop it.
 */
import type { LogName } from "../../core/values/ids.ts";
import { type Env, jittered } from "../base/env.ts";
import { parkedCommand } from "../base/parked-error.ts";
import type { ModelStore } from "../stores/model-store.ts";
import { workThatFits } from "../stores/read-keys.ts";
import type { ExecuteAs } from "../subscribers/handler-execute.ts";
import { executeItem, settle } from "./execute-due.ts";
import type { FoldedEvents } from "./fold-events.ts";
import { foldedUpTo } from "./next-step.ts";
import { type Outbox, type OutboxChanges, type OutboxItem, pick } from "./outbox.ts";
import type { ProcessDefinition } from "./process-manager.ts";
import type { ProcessPlaces } from "./process-place.ts";
import { outboxRows, ProcessTables } from "./process-tables.ts";

export type BatchContext = {
  readonly modelStore: ModelStore;
  readonly manager: ProcessDefinition;
  readonly env: Env;
  readonly executeAs: ExecuteAs;
  readonly log: LogName;
  /** False: the node stops, or other work must have its turn. No further command begins. */
  readonly mayContinue: () => boolean;
  /** True: the server stops, so that a failure is no failure of the command. */
  readonly isClosing: () => boolean;
};

/** Processes whose commands are executed at once. */
const PROCESSES_MAX = 64;
/** Commands of a batch. Each process has the same share, and at least one. */
const COMMANDS_MAX = 256;
/** Milliseconds after which no further command of a batch begins. A crash repeats at most its commands. */
const BATCH_MS = 1_000;

type DueProcess = { readonly key: string; readonly outbox: Outbox; readonly row: string | null };
type SettledProcess = { readonly key: string; readonly after: Outbox; readonly errors: readonly unknown[] };

/** Executes a batch, and returns what to write. Null: no command can be executed now. */
export async function executeBatch(context: BatchContext, places: ProcessPlaces): Promise<FoldedEvents | null> {
  const { modelStore, log, manager, env } = context;
  const { live } = places;
  const tables = new ProcessTables(modelStore, log, manager.follower);
  const now = env.now();
  const [outboxes, rows] = await workThatFits(await tables.due(now, PROCESSES_MAX), (keys, few) => {
    const ofKeys = new ProcessTables(modelStore, log, manager.follower, few);
    return Promise.all([ofKeys.outboxes(keys), ofKeys.rows(keys)]);
  });
  const next = (outbox: Outbox): OutboxItem | null => pick(outbox, now, foldedUpTo(places));
  const due = [...outboxes].filter(([, outbox]) => next(outbox) !== null);
  if (due.length === 0) return null;
  const max = Math.max(Math.floor(COMMANDS_MAX / due.length), 1);
  const settled = await Promise.all(
    due.map(([key, outbox]) => executeProcess(context, { key, outbox, row: rows.get(key) ?? null }, { next, max })),
  );
  const changes: OutboxChanges = new Map(
    settled.map(({ key, after }) => [key, { before: outboxes.get(key) ?? [], after }]),
  );
  const notes = {
    ...live.notes,
    commands: live.notes.commands + added(changes, (outbox) => outbox.length),
    parkedCommands: live.notes.parkedCommands + added(changes, parkedIn),
    dueAt: await tables.dueAtAfter(changes),
  };
  const errors = settled.flatMap((one) => one.errors);
  return { at: live.at, notes, rows: outboxRows(manager.follower, changes), errors };
}

/** Executes commands of one process, one after the other, until one of them is not settled. */
async function executeProcess(
  { executeAs, log, manager, env, mayContinue, isClosing }: BatchContext,
  { key, outbox, row }: DueProcess,
  { next, max }: { readonly next: (outbox: Outbox) => OutboxItem | null; readonly max: number },
): Promise<SettledProcess> {
  const endsAt = env.now() + BATCH_MS;
  const stored = new Set(outbox);
  const errors: unknown[] = [];
  let after = outbox;
  let mayDrop = false;
  for (let count = 0; count < max; count++) {
    const item = next(after);
    if (item === null || !stored.has(item) || (mayDrop && item.timer !== null)) break;
    if (count > 0 && (env.now() >= endsAt || !mayContinue())) break;
    const result = await executeItem(executeAs, log, manager, key, item);
    if (result.kind === "failed" && isClosing()) break;
    const settled = settle(manager, { key, outbox: after, item, row, result }, env.now(), (ms) => jittered(env, ms));
    after = settled.outbox;
    if (settled.error !== null)
      errors.push(
        parkedIn(after) > 0
          ? parkedCommand({ kind: "process", name: manager.name, log }, key, item.causedBy.id, settled.error)
          : settled.error,
      );
    if (result.kind === "failed") break;
    mayDrop ||= result.kind === "settled" && result.isHandled;
  }
  return { key, after, errors };
}

function added(changes: OutboxChanges, countOf: (outbox: Outbox) => number): number {
  return [...changes.values()].reduce((sum, { before, after }) => sum + countOf(after) - countOf(before), 0);
}

function parkedIn(outbox: Outbox): number {
  return outbox.filter(({ isParked }) => isParked).length;
}
