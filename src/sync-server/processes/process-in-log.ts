/**
 * One process manager in one log: its status, and the actions of an operator.
 *
 * Guarantees (processes.failures.test.ts): an action that another write disturbs is decided again.
 */
import { type Cursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import { gone } from "../base/gone.ts";
import { invalid, isCount, requireCallOptions, requireText, shown } from "../base/check-arguments.ts";
import { ROWS, STATES } from "../read-models/read-model.ts";
import type { RowChange, TableChange } from "../stores/model-store.ts";
import { type FollowerInLog, type ResetOptions, withSkipped } from "../subscribers/follower-in-log.ts";
import type { SkippedEvent } from "../subscribers/place.ts";
import { WAITING } from "../subscribers/subscriber.ts";
import { commitIdOf } from "./execute-due.ts";
import { isOutdated } from "./next-step.ts";
import { type Outbox, type OutboxChanges, type OutboxItem, withChange, withoutItem } from "./outbox.ts";
import type { ProcessDefinition } from "./process-manager.ts";
import {
  DUE,
  isBehindReset,
  OUTBOX,
  type ProcessNotes,
  type ProcessPlace,
  type ProcessPlaces,
  readPlaces,
  wakeOf,
} from "./process-place.ts";
import type { CommandsPage, ParkedByProcess, ProcessStatus, WaitingCommand } from "./process-status.ts";
import { outboxRows, ProcessTables, waitingRows } from "./process-tables.ts";
import type { KnownProcesses } from "./processes.ts";

const COMMANDS_PAGE = { default: 500, max: 5_000 } as const;
const PAGE_OPTIONS: OptionNames<CommandsPage> = { after: true, limit: true };

type Change = {
  readonly at: Cursor | null;
  readonly notes: ProcessNotes;
  readonly rows?: readonly RowChange[];
  readonly tables?: Readonly<Record<string, TableChange>>;
};

type ParkedItem = { readonly id: string; readonly process: string; readonly outbox: Outbox; readonly item: OutboxItem };

const KEPT = { [ROWS]: "keep", [STATES]: "keep", [WAITING]: "keep", [OUTBOX]: "keep", [DUE]: "keep" } as const;

export class ProcessInLog {
  readonly #processes: KnownProcesses;
  readonly #follower: FollowerInLog<ProcessDefinition>;
  readonly #tables: ProcessTables;

  constructor(processes: KnownProcesses, follower: FollowerInLog<ProcessDefinition>) {
    this.#processes = processes;
    this.#follower = follower;
    this.#tables = new ProcessTables(follower.models, follower.log, follower.definition.follower);
  }

  get #manager(): ProcessDefinition {
    return this.#follower.definition;
  }

  async status(): Promise<ProcessStatus> {
    const { name } = this.#manager;
    const places = await this.#places();
    const lastError = this.#processes.failureOf(this.#follower.log, name);
    const empty = { at: null, behind: 0, waiting: 0, parked: 0, commands: 0, nextAt: null, skipped: [] };
    if (!places) return { name, state: "running", ...empty, lastError };
    const { live, head } = places;
    const { at, notes } = live;
    return {
      name,
      state: await this.#stateOf(live),
      at: at && encodeCursor(at),
      behind: Math.max(positionOf(head) - positionOf(at), 0),
      waiting: notes.waiting,
      parked: notes.parkedCount + notes.parkedCommands,
      commands: notes.commands,
      nextAt: notes.dueAt,
      skipped: notes.skipped,
      lastError,
    };
  }

  async commands(page: CommandsPage): Promise<readonly WaitingCommand[]> {
    const { max } = COMMANDS_PAGE;
    const what = `The commands of ${this.#manager.name} cannot be read`;
    const { after, limit = COMMANDS_PAGE.default } = requireCallOptions(what, "commands", page, PAGE_OPTIONS);
    if (!isCount(limit) || limit < 1 || limit > max)
      throw invalid(what, `limit is ${shown(limit)}, which is not a whole number from 1 to ${max}`);
    if (after !== undefined) requireText(what, "after", after);
    if (!(await this.#places())) return [];
    const found: WaitingCommand[] = [];
    for await (const [process, outbox] of this.#tables.allOutboxes(
      after ?? null,
      Math.min(limit, COMMANDS_PAGE.default),
    )) {
      for (const item of outbox) {
        const { timer, due, commands, failures, error } = item;
        found.push({ id: await this.#idOf(process, item), process, timer, due, commands, failures, error });
      }
      if (found.length >= limit) break;
    }
    return found;
  }

  async parked(): Promise<readonly ParkedByProcess[]> {
    const places = await this.#places();
    if (!places) return [];
    const events = (await this.#tables.waiting()).filter(({ isParked }) => isParked);
    const commands = await this.#parkedItems(places.live.notes);
    return [
      ...events.map(({ event, type, stream, version, position, reason }) => {
        return { kind: "event" as const, id: event, type, stream, version, position, reason: reason ?? "" };
      }),
      ...commands.map(({ id, process, item }) => {
        return { kind: "command" as const, id, process, commands: item.commands, reason: item.error ?? "" };
      }),
    ];
  }

  retry(ids?: readonly string[]): Promise<number> {
    return this.#unpark((id) => ids?.includes(id) ?? true, null);
  }

  async skip(id: string, reason: string): Promise<void> {
    const skipped = { event: id, reason, at: this.#processes.now() };
    if ((await this.#unpark((one) => one === id, skipped)) === 0) throw this.#follower.notParked(id);
  }

  async setPaused(isPaused: boolean): Promise<void> {
    await this.#change(async ({ at, notes }) => ({ at, notes: { ...notes, isPaused } }));
  }

  async reset(options: ResetOptions): Promise<void> {
    const cursor = await this.#follower.placeOf(options);
    await this.#change(async ({ notes: before }) => {
      const { identity, release, domain } = this.#manager;
      const folded = { identity, release, domain: domain.version, phase: "building", foldedUpTo: 0 } as const;
      const none = { waiting: 0, parkedCount: 0, hasUnknown: false, isRetrying: false };
      const notes = { ...before, ...folded, ...none, silentTo: positionOf(cursor), edits: before.edits + 1 };
      const isNew = { ...KEPT, [ROWS]: "new", [STATES]: "new", [WAITING]: "new" } as const;
      if (cursor) return { at: null, notes, tables: isNew };
      const noCommands = { commands: 0, parkedCommands: 0, dueAt: null };
      return { at: null, notes: { ...notes, ...noCommands }, tables: { ...isNew, [OUTBOX]: "new", [DUE]: "new" } };
    });
  }

  /** Runs parked events and commands again, or skips them. Returns the number of them. */
  async #unpark(isChosen: (id: string) => boolean, skipped: SkippedEvent | null): Promise<number> {
    let count = 0;
    await this.#change(async ({ at, notes }) => {
      const events = (await this.#tables.waiting()).filter(({ event, isParked }) => isParked && isChosen(event));
      const items = (await this.#parkedItems(notes)).filter(({ id }) => isChosen(id));
      count = events.length + items.length;
      if (count === 0) return null;
      const { follower } = this.#manager;
      const again = skipped ? [] : events.map((event) => ({ ...event, isParked: false }));
      const changes = changesOf(items, (outbox, item) =>
        skipped
          ? withoutItem(outbox, item)
          : withChange(outbox, { ...item, isParked: false, failures: 0, notBefore: 0 }),
      );
      const changed = {
        ...notes,
        parkedCount: notes.parkedCount - events.length,
        parkedCommands: notes.parkedCommands - items.length,
        ...(skipped && {
          waiting: notes.waiting - events.length,
          commands: notes.commands - items.length,
          skipped: withSkipped(notes.skipped, skipped),
        }),
        isRetrying: notes.isRetrying || events.length > 0,
        edits: notes.edits + 1,
        dueAt: await this.#tables.dueAtAfter(changes),
      };
      return { at, notes: changed, rows: [waitingRows(follower, again, events), ...outboxRows(follower, changes)] };
    });
    return count;
  }

  /** Decides a change on the stored place, and writes it. Null: there is nothing to change. */
  async #change(decide: (live: ProcessPlace) => Promise<Change | null>): Promise<void> {
    const { models, log } = this.#follower;
    for (;;) {
      const places = await this.#places();
      if (!places) throw this.#follower.noRecords();
      const change = await decide(places.live);
      if (!change) return;
      const { at, notes, rows = [], tables = KEPT } = change;
      const next = { at, text: JSON.stringify(notes), wake: wakeOf(notes), tables };
      const followers = [{ name: this.#manager.follower, revision: places.live.revision, next }];
      const written = await models.write(log, { followers, rows });
      if (written.kind === "ok") return this.#processes.poke(log);
      await this.#follower.requireInLog(at);
    }
  }

  async #stateOf(live: ProcessPlace): Promise<ProcessStatus["state"]> {
    const { at, notes } = live;
    if (await this.#follower.isDiverged(at)) return "diverged";
    if (notes.isPaused) return "paused";
    if (isOutdated(this.#manager, live)) return "outdated";
    return notes.identity !== this.#manager.identity || isBehindReset(live) ? "building" : "running";
  }

  async #parkedItems(notes: ProcessNotes): Promise<readonly ParkedItem[]> {
    if (notes.parkedCommands === 0) return [];
    const found: ParkedItem[] = [];
    for await (const [process, outbox] of this.#tables.allOutboxes(null))
      for (const item of outbox)
        if (item.isParked) found.push({ id: await this.#idOf(process, item), process, outbox, item });
    return found;
  }

  #idOf(process: string, item: OutboxItem): Promise<string> {
    return commitIdOf(this.#manager.name, this.#follower.log, process, item);
  }

  async #places(): Promise<ProcessPlaces | null> {
    const { models, log, definition } = this.#follower;
    const places = await readPlaces(models, log, definition);
    if (places === "gone") throw gone(log);
    return places === "absent" ? null : places;
  }
}

/** The outboxes after a change of one parked item each. A process has at most one. */
function changesOf(items: readonly ParkedItem[], change: (outbox: Outbox, item: OutboxItem) => Outbox): OutboxChanges {
  return new Map(items.map(({ process, outbox, item }) => [process, { before: outbox, after: change(outbox, item) }]));
}
