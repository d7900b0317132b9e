/** Makes the handle of an open log: each member calls the worker, or reads the page's view. */
import { proxy } from "comlink";
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { AnyAggregate, AnyProjection, EventsOf, RowOf } from "../../core/domain/handle-types.ts";
import type { RowEntry } from "../../core/fold/rows.ts";
import { type Json, type JsonInput, parseOwnJson } from "../../core/values/json.ts";
import { ValidationError } from "../../core/values/errors.ts";
import { requireKnownOptions } from "../../core/values/known-options.ts";
import { streamName } from "../../core/values/names.ts";
import type { HistoryEntry, Receipt, RejectedCommit } from "../messages/log-types.ts";
import type { RowsAt } from "../messages/row-types.ts";
import type { PlainRejection } from "../messages/worker-messages.ts";
import { exportStream, importStream } from "./archive-stream.ts";
import { callListener } from "./live-value.ts";
import type { LogHandle } from "./log-handle.ts";
import type { LoadedRows, LogView } from "./log-view.ts";
import type { WorkerCaller } from "./worker-caller.ts";

export type HandleParts<PresenceData extends JsonInput> = {
  readonly log: string;
  readonly user: string;
  readonly client: string;
  readonly view: LogView<PresenceData>;
  readonly caller: WorkerCaller;
  /** Called after each commit. */
  readonly executed: () => void;
  readonly close: () => Promise<void>;
};

const OVERWRITE = { overwrite: true };

export function openHandle<PresenceData extends JsonInput>(parts: HandleParts<PresenceData>): LogHandle<PresenceData> {
  const { log, user, client, view, caller, executed, close } = parts;
  const { status, rejections, presence } = view;

  /** A commit that the worker made by itself, once its rows are shown. */
  const shown = async (
    call: Promise<{ readonly commit: string; readonly seq: number } | null>,
  ): Promise<Receipt | null> => {
    const made = await call;
    if (made) await caller.wait(view.whenShown(made.seq));
    return made && { commit: made.commit };
  };

  return {
    log,
    user,
    client,
    async execute(commands, options = {}) {
      const { meta = null } = checkedOptions("execute", options, { meta: true });
      const receipt = await caller.execute(asList(commands), meta, null);
      executed();
      return receipt;
    },
    undo: async (options = {}) => {
      const { overwrite = false } = checkedOptions("undo", options, OVERWRITE);
      return shown(caller.call((remote) => remote.undo(overwrite)));
    },
    redo: async (options = {}) => {
      const { overwrite = false } = checkedOptions("redo", options, OVERWRITE);
      return shown(caller.call((remote) => remote.redo(overwrite)));
    },
    async withdraw(receipt) {
      const { commit } = checked(receipt);
      await caller.call((remote) => remote.withdraw(commit));
    },
    async settled(receipt) {
      const { commit } = checked(receipt);
      const { settled, seq } = await caller.call((remote) => remote.settled(commit));
      await caller.wait(view.whenShown(seq));
      return settled;
    },
    rows: (projection) => view.rows(checked(projection), (name) => loadRows(caller, name)),
    status,
    rejections,
    history: async (aggregate, id) => history(caller, checkedHandle(aggregate), id),
    stateAt: async (aggregate, id, at) => {
      const stream = streamName(checkedHandle(aggregate).name, id);
      const version = at === undefined ? null : checked(at).version;
      return caller.call((remote) => remote.stateAt(stream, version));
    },
    rowsAt: async (projection, at) => rowsAt(caller, checked(projection), checked(at).position),
    async rebuild(projection, options = {}) {
      const { name } = checked(projection);
      const { onProgress = () => {} } = checkedOptions("rebuild", options, { onProgress: true });
      await caller.call((remote) =>
        remote.rebuild(
          name,
          proxy((progress) => callListener(onProgress, progress)),
        ),
      );
    },
    presence: {
      get: presence.get,
      subscribe: presence.subscribe,
      set: (data) => ignore(caller.call((remote) => remote.setPresence(data))),
    },
    export: () => exportStream((begin) => caller.call((remote) => remote.exportNext(begin))),
    import: async (ndjson) =>
      importStream(checked(ndjson), (piece, place) => caller.call((remote) => remote.importNext(piece, place))),
    async moveTo(other) {
      await caller.call((remote) => remote.moveTo(other));
      await close();
    },
    pause: () => ignore(caller.call((remote) => remote.setPaused(true))),
    resume: () => ignore(caller.call((remote) => remote.setPaused(false))),
    acknowledge: () => ignore(caller.call((remote) => remote.acknowledge())),
    close,
  };
}

/** A rejection with its two functions, which do not cross the worker's border. */
export function rejectedCommit(caller: WorkerCaller, plain: PlainRejection): RejectedCommit {
  return {
    ...plain,
    retry: (commands = plain.commands) => caller.execute(asList(commands), null, plain.commit),
    discard: () => caller.call((remote) => remote.discard(plain.commit)),
  };
}

async function loadRows(caller: WorkerCaller, projection: string): Promise<LoadedRows> {
  const { seq, entries: text } = await caller.call((remote) => remote.watch(projection));
  const entries = parseOwnJson<readonly RowEntry[]>(text);
  return { seq, entries };
}

/** The overload says what the compiler cannot know: the events of an aggregate's stream have the aggregate's types. */
function history<A extends AnyAggregate>(
  caller: WorkerCaller,
  aggregate: A,
  id: string,
): Promise<readonly HistoryEntry<EventsOf<A>>[]>;
async function history(caller: WorkerCaller, { name }: AnyAggregate, id: string): Promise<readonly HistoryEntry[]> {
  return await caller.call((remote) => remote.history(streamName(name, id)));
}

/** The overload says the same of the rows of a projection. */
function rowsAt<P extends AnyProjection>(
  caller: WorkerCaller,
  projection: P,
  position: number,
): Promise<RowsAt<RowOf<P>>>;
async function rowsAt(caller: WorkerCaller, { name }: AnyProjection, position: number): Promise<RowsAt> {
  const { rows, event } = await caller.call((remote) => remote.rowsAt(name, position));
  const entries = parseOwnJson<readonly (readonly [string, Json])[]>(rows);
  return {
    rows: entries.map(([key, row]) => ({ key, row })).sort((left, right) => (left.key < right.key ? -1 : 1)),
    event,
  };
}

/**
 * For calls that return nothing to the app: they fail only once the log is closed, and a bad value fails in the next
 * one.
 */
function ignore(call: Promise<unknown>): void {
  call.catch(() => {});
}

/** Returns a handle. Otherwise `undefined` would be the name of its stream. */
function checkedHandle<T extends AnyAggregate>(handle: T): T {
  checked(checked(handle).definition);
  return handle;
}

/** Returns a handle, a receipt or options. Throws for a value without fields, which programs without types may pass. */
function checked<T extends object>(given: T): T {
  const untyped: unknown = given;
  if (typeof untyped === "object" && untyped) return given;
  throw new ValidationError({
    message: `${JSON.stringify(untyped)} is not an object`,
    fix: "Check the arguments of the call.",
  });
}

/** Returns the options of a call. Throws for a misspelled one. */
function checkedOptions<Options extends object>(call: string, options: Options, known: object): Options {
  requireKnownOptions(`\`${call}\``, checked(options), known);
  return options;
}

function asList(commands: CommandRequest | readonly CommandRequest[]): readonly CommandRequest[] {
  return isOne(commands) ? [commands] : commands;
}

function isOne(commands: CommandRequest | readonly CommandRequest[]): commands is CommandRequest {
  return !Array.isArray(commands);
}
