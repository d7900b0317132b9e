/**
 * Computes one write of a process manager from events: of a page of the log, or of events that waited.
 *
 * Guarantees (processes.model.test.ts): the write depends only on the tables of its revision and on the log.
 */
import { foldStream, emptyStream, type FoldStep } from "../../core/fold/fold.ts";
import { type CommitRecord, cursorOf, sameCursor, type Cursor } from "../../core/history/record.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import { parkedEvents } from "../base/parked-error.ts";
import { foldStates, keysIn, stateOf, statesChange, streamsIn } from "../read-models/fold-page.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { ModelStore, RowChange } from "../stores/model-store.ts";
import { recordIn } from "../stores/stored-record.ts";
import { isBehindReset, type ProcessNotes, type ProcessPlace } from "./process-place.ts";
import type { ProcessDefinition } from "./process-manager.ts";
import { outboxRows, processRows, ProcessTables, waitingRows } from "./process-tables.ts";
import {
  isUnreadable,
  type ProcessEvent,
  processEvents,
  type Reacted,
  Reaction,
  runnable,
  type WaitingEvent,
} from "./react.ts";

export type FoldSource = {
  readonly store: EventStore;
  readonly models: ModelStore;
  readonly log: LogName;
  readonly manager: ProcessDefinition;
  readonly now: number;
  /** True: a fold throws TooManyRows if it needs more than a page of rows. */
  readonly few: boolean;
};

/** The next state of a follower, and its changed rows. */
export type FoldedEvents = {
  readonly at: Cursor | null;
  readonly notes: ProcessNotes;
  readonly rows: readonly RowChange[];
  readonly errors: readonly unknown[];
};

/** Folds a page of records into the rows that are read, and reacts. */
export async function foldPageOf(
  source: FoldSource,
  live: ProcessPlace,
  records: readonly CommitRecord[],
  head: Cursor | null,
): Promise<FoldedEvents> {
  const { manager } = source;
  const tables = tablesOf(source, manager.follower);
  const folded = await foldedStates(source, tables, records);
  const waiting = live.notes.waiting > 0 ? await tables.waiting() : [];
  const reaction = new Reaction(manager, await storedOf(manager, tables, folded.steps));
  for (const event of waiting) reaction.block(event);
  for (const event of processEvents(manager, records, folded))
    reaction.accept(event, event.position > live.notes.silentTo);
  const result = reaction.result();
  const at = endOf(records, live.at);
  const notes = await notesAfter(source, tables, live.notes, result);
  return {
    at,
    notes: {
      ...notes,
      phase: sameCursor(at, head) ? "ready" : isBehindReset(live) ? "building" : notes.phase,
      foldedUpTo: records.at(-1)?.received ?? notes.foldedUpTo,
      hasUnknown: notes.hasUnknown || folded.hasUnknown,
      domain: manager.domain.version,
    },
    rows: liveRows(manager.follower, folded.states, result),
    errors: parkedBy(source, result),
  };
}

/** Folds a page of records beside the rows that are read. It sends no commands. */
export async function foldBeside(
  source: FoldSource,
  live: ProcessPlace,
  beside: ProcessPlace,
  records: readonly CommitRecord[],
): Promise<FoldedEvents> {
  const { manager } = source;
  const isNew = beside.revision === 0 || beside.at === null;
  const tables = tablesOf(source, manager.beside);
  const folded = await foldedStates(source, isNew ? null : tables, records);
  // The events that wait for the older code wait for this code too, because neither has reacted to them.
  const ofLive = live.notes.waiting > 0 ? await tablesOf(source, manager.follower).waiting() : [];
  const waitsForLive = new Map(ofLive.map((event) => [event.position, event]));
  const stored = isNew ? { rows: new Map(), outboxes: new Map() } : await storedOf(manager, tables, folded.steps);
  const reaction = new Reaction(manager, stored);
  const waiting = isNew || beside.notes.waiting === 0 ? [] : await tables.waiting();
  for (const event of waiting) reaction.block(event);
  for (const event of processEvents(manager, records, folded)) {
    const waits = waitsForLive.get(event.position);
    if (waits) reaction.leave(event, waits);
    else reaction.accept(event, false);
  }
  const result = reaction.result();
  const parked = result.waiting.filter(({ isParked }) => isParked).length;
  return {
    at: endOf(records, beside.at),
    notes: {
      ...beside.notes,
      edits: live.notes.edits,
      // Newer code folds again what older code did not know.
      domain: beside.notes.hasUnknown ? Math.min(beside.notes.domain, manager.domain.version) : manager.domain.version,
      movedAt: source.now,
      waiting: beside.notes.waiting + result.waiting.length,
      parkedCount: beside.notes.parkedCount + parked,
      hasUnknown: beside.notes.hasUnknown || folded.hasUnknown,
    },
    rows: [statesChange(manager.beside, folded.states), ...reactedRows(manager.beside, result)],
    errors: parkedBy(source, result),
  };
}

/** The events that wait, in their order. */
export type WaitingEvents = {
  readonly events: readonly WaitingEvent[];
  /** The part of `events` that is stored as parked, though this code may read it. */
  readonly unparked: readonly WaitingEvent[];
};

/** Reads the events that wait. `knowsMore`: this code may read events that older code parked. */
export async function waitingEvents({ models, log, manager }: FoldSource, knowsMore: boolean): Promise<WaitingEvents> {
  const stored = await new ProcessTables(models, log, manager.follower).waiting();
  const unparked: WaitingEvent[] = [];
  const events = stored.map((event) => {
    if (!knowsMore || !isUnreadable(event)) return event;
    const runnableAgain = { ...event, isParked: false };
    unparked.push(runnableAgain);
    return runnableAgain;
  });
  return { events, unparked };
}

/** Folds the first runnable ones of the events that wait: `chosen`. */
export async function foldWaiting(
  source: FoldSource,
  live: ProcessPlace,
  { events: waiting, unparked }: WaitingEvents,
  chosen: readonly WaitingEvent[],
): Promise<FoldedEvents> {
  const { manager } = source;
  const tables = tablesOf(source, manager.follower);
  const streams = await readEvents(source, tables, chosen);
  const reaction = new Reaction(
    manager,
    await storedOf(
      manager,
      tables,
      streams.events.flatMap(({ steps }) => steps),
    ),
  );
  const events = new Map(streams.events.map((event) => [event.position, event]));
  const isChosen = new Set(chosen);
  for (const waited of waiting) {
    const event = events.get(waited.position);
    // An event without a handler in this code has nothing to wait for.
    if (isChosen.has(waited))
      reaction.accept(event ?? { ...waited, steps: [], unreadable: null }, waited.reacts, waited);
    else reaction.block(waited);
  }
  const result = reaction.result();
  const notes = await notesAfter(source, tables, live.notes, result);
  const parkedNow = waiting.filter((event) => event.isParked && !isChosen.has(event)).length;
  const parkedAgain = result.waiting.filter(({ isParked }) => isParked).length;
  const hasMore = runnable(waiting, chosen.length + 1).length > chosen.length;
  return {
    at: live.at,
    notes: {
      ...notes,
      waiting: live.notes.waiting - result.folded.length,
      parkedCount: parkedNow + parkedAgain,
      // Each round folds or parks an event, so that the retry ends also if all of them fail again.
      isRetrying: hasMore || result.folded.length > 0,
      // Older code reads these events no better, so that this is decided once for each version of the domain.
      domain: manager.domain.version,
      edits: live.notes.edits + 1,
    },
    rows: liveRows(manager.follower, streams.states, {
      ...result,
      waiting: [...result.waiting, ...unparked.filter((event) => !isChosen.has(event))],
    }),
    errors: parkedBy(source, result),
  };
}

function parkedBy({ manager, log }: FoldSource, { parked, cause }: Reacted): readonly unknown[] {
  return parkedEvents({ kind: "process", name: manager.name, log }, parked, cause);
}

function tablesOf({ models, log, few }: FoldSource, follower: string): ProcessTables {
  return new ProcessTables(models, log, follower, few);
}

async function foldedStates({ manager }: FoldSource, tables: ProcessTables | null, records: readonly CommitRecord[]) {
  const texts = (await tables?.states(streamsIn(manager, records))) ?? new Map<string, string>();
  return foldStates(manager, records, (stream) => stateOf(texts.get(stream)));
}

async function storedOf(manager: ProcessDefinition, tables: ProcessTables, steps: readonly FoldStep[]) {
  const keys = keysIn(manager, steps);
  return { rows: await tables.rows(keys), outboxes: await tables.outboxes(keys) };
}

async function notesAfter(
  { now }: FoldSource,
  tables: ProcessTables,
  notes: ProcessNotes,
  { waiting, outboxes }: Reacted,
): Promise<ProcessNotes> {
  const counts = [...outboxes.values()].map(({ before, after }) => after.length - before.length);
  return {
    ...notes,
    movedAt: now,
    waiting: notes.waiting + waiting.length,
    parkedCount: notes.parkedCount + waiting.filter(({ isParked }) => isParked).length,
    edits: notes.edits + (waiting.length > 0 ? 1 : 0),
    commands: counts.reduce((sum, count) => sum + count, notes.commands),
    dueAt: await tables.dueAtAfter(outboxes),
  };
}

function reactedRows(follower: string, { rows, waiting, folded }: Reacted): readonly RowChange[] {
  return [processRows(follower, rows), waitingRows(follower, waiting, folded)];
}

function liveRows(follower: string, states: Parameters<typeof statesChange>[1], result: Reacted): readonly RowChange[] {
  return [statesChange(follower, states), ...reactedRows(follower, result), ...outboxRows(follower, result.outboxes)];
}

function endOf(records: readonly CommitRecord[], before: Cursor | null): Cursor | null {
  const last = records.at(-1);
  return last ? cursorOf(last) : before;
}

/** Reads waiting events again, each with the states around it, by folding its stream from the beginning. */
async function readEvents(source: FoldSource, tables: ProcessTables, waiting: readonly WaitingEvent[]) {
  const { manager } = source;
  const wanted = Map.groupBy(waiting, ({ stream }) => stream);
  const states = new Map<string, ReturnType<typeof emptyStream>>();
  const events: ProcessEvent[] = [];
  const stored = await tables.states([...wanted.keys()]);
  for (const [stream, ofStream] of wanted) {
    const last = stateOf(stored.get(stream))?.version ?? 0;
    const positions = new Set(ofStream.map(({ position }) => position));
    let state = emptyStream(manager.domain, stream);
    for await (const record of recordsOf(source, stream, last)) {
      const steps: FoldStep[] = [];
      const parked = [];
      for (const [n, event] of record.events.entries()) {
        if (event.stream !== stream || event.version > last) continue;
        const next = foldStream(manager.domain, state, record, n);
        state = next.next;
        steps.push(...next.steps);
        const position = record.position + n;
        if (state.unreadable) parked.push({ event: "", stream, position, reason: state.unreadable.reason });
      }
      const found = processEvents(manager, [record], { steps, parked });
      events.push(...found.filter((event) => event.stream === stream && positions.has(event.position)));
    }
    states.set(stream, state);
  }
  return { events, states };
}

const STREAM_PAGE = { events: 1_000, bytes: 1024 * 1024 };

async function* recordsOf({ store, log }: FoldSource, stream: StreamName, last: number): AsyncGenerator<CommitRecord> {
  for (let after = 0; after < last;) {
    const page = await store.readStream(log, stream, after, STREAM_PAGE);
    if (page.length === 0) return;
    for (const stored of page) {
      const record = recordIn(log, stored);
      const versions = record.events.filter((event) => event.stream === stream).map(({ version }) => version);
      after = Math.max(after, ...versions);
      yield record;
    }
  }
}
