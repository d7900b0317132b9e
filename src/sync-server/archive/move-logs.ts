/**
 * Copies the logs of one store into another: records, positions, marks, versions, kept outcomes, dropped names, and the
 * id of the store.
 *
 * Guarantees (move-logs.test.ts, cli.move.test.ts):
 * - Devices notice nothing if the new store takes the place of the old one (A5).
 * - After a crash at any moment, the same move continues (A2). A log of the target that is not the beginning of the
 *   source's log never changes.
 * - A page of records or of outcomes is in memory, and no more.
 */
import { ConcurrencyError, DacapoError, ValidationError } from "../../core/values/errors.ts";
import { LOG_NAME } from "../../core/history/limits.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { EventStore, KeptOutcome, ReadResult } from "../stores/event-store.ts";
import { LogIntake } from "./log-intake.ts";

/** The progress of a move. `events` counts those that the target has. */
export type MoveProgress = {
  readonly log: string;
  readonly logs: number;
  readonly logsTotal: number;
  readonly events: number;
  readonly eventsTotal: number;
};

export type MoveOptions = {
  /** The logs to move. Undefined: all logs, and the names of dropped logs. */
  readonly logs?: readonly string[] | undefined;
  /** True: the target keeps its own id, so that the apps of devices must agree to it. */
  readonly keepsTargetId?: boolean;
  readonly onProgress?: (progress: MoveProgress) => void;
  /** Ends the move between two pages. */
  readonly signal?: AbortSignal;
};

/** The result of a move. */
export type MovedLogs = {
  readonly logs: number;
  readonly events: number;
  readonly outcomes: number;
  readonly dropped: number;
  /** Logs that got records during the move, so that the target lacks the last of them. */
  readonly behind: readonly string[];
};

const PAGE = { events: 2_000, bytes: 1024 * 1024 };
const OUTCOMES_PAGE = 100;

export async function moveLogs(from: EventStore, to: EventStore, options: MoveOptions = {}): Promise<MovedLogs> {
  const names = await namesOf(from, options.logs);
  const serverId = await from.id();
  if (!options.keepsTargetId && !(await to.adoptId(serverId))) throw otherId(serverId, await to.id());
  const heads = new Map<string, Cursor | null>();
  for (const name of names) heads.set(name, await headOf(from, name));
  const move = new Move(from, to, serverId, heads, options);
  for (const name of names) await move.copy(name);
  const dropped = options.logs ? 0 : await copyDropped(from, to);
  const behind: string[] = [];
  for (const name of names) if (!sameCursor(await headOf(from, name), await headOf(to, name))) behind.push(name);
  return { logs: names.length, events: move.events, outcomes: move.outcomes, dropped, behind };
}

class Move {
  events = 0;
  outcomes = 0;
  #logs = 0;
  readonly #from: EventStore;
  readonly #to: EventStore;
  readonly #serverId: string;
  readonly #heads: ReadonlyMap<string, Cursor | null>;
  readonly #eventsTotal: number;
  readonly #options: MoveOptions;

  constructor(
    from: EventStore,
    to: EventStore,
    serverId: string,
    heads: ReadonlyMap<string, Cursor | null>,
    options: MoveOptions,
  ) {
    this.#from = from;
    this.#to = to;
    this.#serverId = serverId;
    this.#heads = heads;
    this.#options = options;
    this.#eventsTotal = [...heads.values()].reduce((sum, head) => sum + positionOf(head), 0);
  }

  async copy(log: string): Promise<void> {
    const intake = await this.#intake(log);
    this.#report(log, intake.end);
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const page = await this.#from.read(log, intake.end, PAGE);
      if (page.kind !== "page") throw sourceMoved(log, page.kind);
      if (page.records.length === 0) break;
      for (const record of page.records) await intake.addRecord(record);
      this.#report(log, intake.end);
    }
    for (let after: KeptOutcome | null = null; ;) {
      this.#options.signal?.throwIfAborted();
      const outcomes: readonly KeptOutcome[] = await this.#from.outcomes(log, after, OUTCOMES_PAGE);
      after = outcomes.at(-1) ?? null;
      if (!after) break;
      for (const outcome of outcomes) await intake.addOutcome(outcome);
      this.outcomes += outcomes.length;
    }
    await intake.finish();
    this.events += positionOf(intake.end);
    this.#logs++;
    this.#report(log, null);
  }

  /** Continues the target's log if it is the beginning of the source's log, or else its stage. */
  async #intake(log: string): Promise<LogIntake> {
    const options = { store: this.#to, log, source: `moving-${this.#serverId}` };
    const head = await this.#to.head(log);
    if (head.kind === "gone") throw targetGone(log);
    if (head.kind === "open" && head.cursor) {
      if (!(await this.#contains(log, head.cursor))) throw targetDiffers(log);
      return LogIntake.existing(options, head.cursor);
    }
    const staged = await LogIntake.stage(options);
    if (staged.end === null || (await this.#contains(log, staged.end))) return staged;
    // The source was restored since an earlier move that ended half-way.
    await staged.discard();
    return LogIntake.stage(options);
  }

  async #contains(log: string, cursor: Cursor): Promise<boolean> {
    const { kind }: ReadResult = await this.#from.read(log, cursor, { events: 1, bytes: 1 });
    return kind === "page";
  }

  #report(log: string, end: Cursor | null): void {
    this.#options.onProgress?.({
      log,
      logs: this.#logs,
      logsTotal: this.#heads.size,
      events: this.events + positionOf(end),
      eventsTotal: this.#eventsTotal,
    });
  }
}

/** The names of the logs to move. Unfinished imports stay behind, because only their own store can finish them. */
async function namesOf(store: EventStore, wanted: readonly string[] | undefined): Promise<readonly string[]> {
  const names = (await store.logs()).filter((name) => LOG_NAME.test(name));
  if (!wanted) return names;
  for (const log of wanted) {
    if (names.includes(log)) continue;
    throw new ValidationError({ message: `The source has no log ${log}`, fix: "Pass the name of a log that it has." });
  }
  return wanted;
}

/** A dropped name stays gone in the target. Otherwise a device could take a new log of that name for the old one. */
async function copyDropped(from: EventStore, to: EventStore): Promise<number> {
  const there = new Set(await to.droppedLogs());
  const missing = (await from.droppedLogs()).filter((name) => LOG_NAME.test(name) && !there.has(name));
  for (const name of missing) {
    if ((await to.head(name)).kind === "open")
      throw new ConcurrencyError(
        {
          message: `The source has dropped the log ${name}, and the target has a log of this name`,
          fix: "Drop the log in the target if it is the same log. Then move again.",
          details: { log: name },
        },
        "after-fix",
      );
    await to.drop(name);
  }
  return missing.length;
}

async function headOf(store: EventStore, log: string): Promise<Cursor | null> {
  const head = await store.head(log);
  return head.kind === "open" ? head.cursor : null;
}

const FIX = "Move into another store, or name the logs to move. Nothing of this log was changed.";

function targetGone(log: string): DacapoError {
  const message = `The target has dropped the log ${log} for good`;
  return new DacapoError("gone", "never", { message, fix: FIX, details: { log } });
}

function targetDiffers(log: string): ConcurrencyError {
  const message = `The target has another log with the name ${log}`;
  return new ConcurrencyError({ message, fix: FIX, details: { log } }, "after-fix");
}

/** The source did not contain the end of the last page any more. */
function sourceMoved(log: string, kind: Exclude<ReadResult["kind"], "page">): ConcurrencyError {
  const verb = kind === "diverged" ? "restored" : "dropped";
  return new ConcurrencyError({
    message: `The source ${verb} the log ${log} during the move`,
    fix: "Move again.",
    details: { log },
  });
}

function otherId(from: string, to: string): ConcurrencyError {
  const message = `The target has logs of another server: its id is ${to}, and the source's id is ${from}`;
  const fix = "Move into an empty store. Or keep the target's id, and then each app must agree to the other server.";
  return new ConcurrencyError({ message, fix, details: { from, to } }, "after-fix");
}
