/**
 * Folds whole streams again into the rows that are read, up to the cursor of the rows.
 *
 * Guarantees (read-models.streams.test.ts):
 * - It is only for a model without a `key`, whose rows belong to one stream each. Otherwise an event would count twice.
 * - One write names the revision that the rows had. If they moved meanwhile, the streams that changed are read again.
 *   So it ends in a log with many commits, where a strong model moves with each of them.
 */
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { ModelStore, RowChange } from "../stores/model-store.ts";
import { keyRange } from "../stores/read-keys.ts";
import { deletedKeys } from "./deleted-keys.ts";
import { foldPage, foldStates, stateOf, statesChange, type StoredTexts } from "./fold-page.ts";
import {
  type FollowerNotes,
  type MissingRows,
  missingRows,
  nextOf,
  notesOf,
  type ParkedEvent,
  withParked,
} from "./follower-notes.ts";
import { foldableRecord } from "./page-records.ts";
import { type ReadModel, ROWS, STATES } from "./read-model.ts";

export type FoldStreamsContext = {
  readonly store: EventStore;
  readonly modelStore: ModelStore;
  readonly env: Env;
};

/**
 * `too-many-parked`: the notes of the rows do not name all parked events. `moved`: other writers changed the rows
 * during each try.
 */
export type FoldedStreams =
  | { readonly kind: "done"; readonly parked: readonly ParkedEvent[] }
  | { readonly kind: "gone" | MissingRows | "too-many-parked" | "moved" };

const PAGE = { events: 500, bytes: 1024 * 1024 };
const TRIES_MAX = 20;
const NONE: StoredTexts = new Map();

/** `keepsDeleted`: a row that an operator deleted stays absent. */
export async function foldStreams(
  context: FoldStreamsContext,
  log: LogName,
  model: ReadModel,
  { streams, keepsDeleted }: { readonly streams: readonly StreamName[]; readonly keepsDeleted: boolean },
): Promise<FoldedStreams> {
  const { modelStore, env } = context;
  const wanted = new Set(streams);
  const folds = new StreamFolds(context, log, model, wanted);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const found = await modelStore.followers(log);
    if (found.kind === "gone") return found;
    const find = (named: string) =>
      found.kind === "open" ? found.followers.find(({ name }) => name === named) : undefined;
    const follower = find(model.follower);
    const notes = notesOf(follower);
    if (!follower || notes?.phase !== "ready") return { kind: missingRows(notes, notesOf(find(model.beside))) };
    if (notes.parkedCount > notes.parked.length) return { kind: "too-many-parked" };
    const rows: RowChange[] = [];
    const parked: ParkedEvent[] = [];
    const deleted = keepsDeleted ? await deletedKeys(context, log, model.follower, keyRange([...wanted])) : NONE;
    for (const folded of await folds.upTo(follower.at)) {
      rows.push(...folded.changes.filter((change) => !isDeleted(deleted, change)));
      parked.push(...folded.parked);
    }
    const result = await modelStore.write(log, {
      followers: [
        {
          name: model.follower,
          revision: follower.revision,
          next: nextOf(model, follower.at, notesAfter(notes, wanted, parked, env.now()), "keep"),
        },
      ],
      rows,
    });
    if (result.kind === "ok") return { kind: "done", parked };
    if (result.kind === "gone") return { kind: "gone" };
  }
  return { kind: "moved" };
}

type FoldedStream = { readonly changes: readonly RowChange[]; readonly parked: readonly ParkedEvent[] };

/** The folds of streams up to a cursor. For a later cursor, only the streams that changed are folded again. */
class StreamFolds {
  readonly #context: FoldStreamsContext;
  readonly #log: LogName;
  readonly #model: ReadModel;
  readonly #wanted: ReadonlySet<StreamName>;
  readonly #folded = new Map<StreamName, FoldedStream>();
  #at: Cursor | null = null;

  constructor(context: FoldStreamsContext, log: LogName, model: ReadModel, wanted: ReadonlySet<StreamName>) {
    this.#context = context;
    this.#log = log;
    this.#model = model;
    this.#wanted = wanted;
  }

  async upTo(at: Cursor | null): Promise<readonly FoldedStream[]> {
    for (const stream of await this.#changed(at))
      this.#folded.set(stream, await foldStream(this.#context, this.#log, this.#model, at, stream));
    this.#at = at;
    return [...this.#folded.values()];
  }

  /** The streams with an event behind the last cursor. All of them, if this is the first one or of another history. */
  async #changed(at: Cursor | null): Promise<ReadonlySet<StreamName>> {
    if (this.#folded.size === 0) return this.#wanted;
    const changed = new Set<StreamName>();
    let cursor = this.#at;
    while (positionOf(cursor) < positionOf(at)) {
      const page = await this.#context.store.read(this.#log, cursor, PAGE);
      const last = page.kind === "page" ? page.records.at(-1) : undefined;
      if (page.kind !== "page" || !last) return this.#wanted;
      for (const { streams } of page.records)
        for (const { stream } of streams) if (this.#wanted.has(stream)) changed.add(stream);
      // The page may be longer than needed.
      cursor = positionOf(last.cursor) > positionOf(at) ? at : last.cursor;
    }
    return sameCursor(cursor, at) ? changed : this.#wanted;
  }
}

/** The row and the state of a stream, folded from its first event up to a cursor. */
async function foldStream(
  { store, env }: FoldStreamsContext,
  log: LogName,
  model: ReadModel,
  at: Cursor | null,
  stream: StreamName,
): Promise<FoldedStream> {
  const texts = { rows: new Map<string, string>(), states: new Map<string, string>() };
  const parked: ParkedEvent[] = [];
  for (let version = 0; ;) {
    const page = await store.readStream(log, stream, version, PAGE);
    const last = page.at(-1)?.streams.find((span) => span.stream === stream)?.last;
    const records = page
      .map((stored) => foldableRecord(log, stored))
      .filter((record) => record.position <= positionOf(at));
    const states = foldStates(model, records, (one) => stateOf(texts.states.get(one)), stream);
    const folded = foldPage(model, states, texts.rows);
    parked.push(...folded.parked);
    for (const { table, set, remove } of [...folded.changes, statesChange(model.follower, states.states)]) {
      const kept = table === ROWS ? texts.rows : texts.states;
      for (const [key, text] of set) if (text !== null) kept.set(key, text);
      for (const key of remove) kept.delete(key);
    }
    if (last === undefined || records.length < page.length) break;
    version = last;
    await env.nextTurn();
  }
  const change = (table: string, kept: ReadonlyMap<string, string>): RowChange => {
    const text = kept.get(stream);
    return {
      follower: model.follower,
      table,
      set: text === undefined ? [] : [[stream, text]],
      remove: text === undefined ? [stream] : [],
    };
  };
  return { changes: [change(ROWS, texts.rows), change(STATES, texts.states)], parked };
}

/** True for the change of a row that an operator deleted. */
function isDeleted(deleted: StoredTexts, { table, set }: RowChange): boolean {
  return table === ROWS && set.some(([key]) => deleted.has(key));
}

function notesAfter(
  notes: FollowerNotes,
  streams: ReadonlySet<string>,
  parked: readonly ParkedEvent[],
  now: number,
): FollowerNotes {
  const others = notes.parked.filter(({ stream }) => !streams.has(stream));
  const all = [...others, ...parked].sort((left, right) => left.position - right.position);
  return { ...notes, movedAt: now, ...withParked({ parkedCount: 0, parked: [] }, all) };
}
