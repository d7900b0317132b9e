/**
 * React hooks over the handle of an open log.
 *
 * Place: `dacapo/react`; knows the handle's interface alone, so a handle of any kind (a worker's, a test's) will do.
 * Holds: one render shows one moment (`useSyncExternalStore`: no tearing). What a hook gives stays the same object until
 * what it shows changes, and a component renders again only then, also where `where` and `orderBy` are written inline.
 */
import {
  createContext,
  createElement,
  type FunctionComponent,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from "react";
import { DefinitionError } from "../core/values/errors.ts";
import type { AnyProjection, RowOf } from "../core/domain/handle-types.ts";
import { parseWith, type Schema } from "../core/domain/schema.ts";
import type { Live, LogHandle, TypedPresence, TypedRowEntry } from "./page/log-handle.ts";
import type { LogStatus, RejectedCommit } from "./messages/log-types.ts";

export type LogProviderProps = { readonly log: LogHandle<unknown>; readonly children?: ReactNode };

export type RowsOptions<Row> = {
  /** Rows that it gives true for. Default: all. */
  readonly where?: (row: Row, key: string) => boolean;
  /** What to order by, smallest first; several values in an array, the first counting most. Default: by key. */
  readonly orderBy?: (row: Row, key: string) => Orderable | readonly Orderable[];
};

/** Texts are ordered by their code units, the same on every device. `null` comes first. */
export type Orderable = string | number | boolean | null;

const LogContext = createContext<LogHandle<unknown> | null>(null);

/**
 * Gives a log to the hooks below it.
 *
 * @example
 * createRoot(root).render(<LogProvider log={await openLog("team-7", options)}><Board /></LogProvider>);
 */
export const LogProvider: FunctionComponent<LogProviderProps> = ({ log, children }) =>
  createElement(LogContext.Provider, { value: log }, children);

/** The log's handle, for what has no hook: `history`, `stateAt`, `pause`. */
export function useLog(): LogHandle<unknown> {
  const log = useContext(LogContext);
  if (log) return log;
  throw new DefinitionError({
    message: "A Dacapo hook was used outside of a LogProvider",
    fix: "Put <LogProvider log={await openLog(…)}> around the components that use the log.",
  });
}

/**
 * The rows of a projection, each `{ key, row, pending }`.
 *
 * @example
 * const open = useRows(board, { where: (row) => !row.done, orderBy: (row) => row.title });
 */
export function useRows<P extends AnyProjection>(
  projection: P,
  options: RowsOptions<RowOf<P>> = {},
): readonly TypedRowEntry<RowOf<P>>[] {
  const rows = useLiveRows(projection);
  const { where, orderBy } = options;
  const select = useCallback(
    (all: readonly TypedRowEntry<RowOf<P>>[]) => arrange(all, where, orderBy),
    [where, orderBy],
  );
  return useSelected(rows, select, sameItems);
}

/** One row, or undefined while there is none. Renders again when this row changes, whatever happens to others. */
export function useRow<P extends AnyProjection>(projection: P, key: string): TypedRowEntry<RowOf<P>> | undefined {
  const rows = useLiveRows(projection);
  const select = useCallback(() => rows.row(key), [rows, key]);
  return useSelected(rows, select);
}

/**
 * Connection, pending commits, progress, errors. With `select`, a part of it: the component then renders again only when that part changes.
 *
 * @example
 * const pending = useStatus((status) => status.pending);
 */
export function useStatus(): LogStatus;
export function useStatus<Part>(select: (status: LogStatus) => Part): Part;
export function useStatus(select: (status: LogStatus) => unknown = itself): unknown {
  return useSelected(useLog().status, select);
}

/** Commits that the server refused, each with `retry()` and `discard()`. */
export function useRejections(): readonly RejectedCommit[] {
  return useSelected(useLog().rejections, itself);
}

/**
 * `log.execute`, the same function in each render.
 *
 * @example
 * const execute = useExecute();
 * <button onClick={() => execute(task.command.complete("t1"))}>Done</button>
 */
export function useExecute(): LogHandle["execute"] {
  const log = useLog();
  return useCallback((commands, options) => log.execute(commands, options), [log]);
}

/**
 * Who has the log open, and a function that tells the others where this tab is. Data that the schema refuses (of another
 * version of the app, say) is left out.
 *
 * @example
 * const { present, set } = usePresence(v.object({ card: v.nullable(v.string()) }));
 */
export function usePresence<Data>(schema: Schema<unknown, Data>): {
  readonly present: readonly TypedPresence<Data>[];
  readonly set: (data: Data) => void;
};
export function usePresence(): {
  readonly present: readonly TypedPresence<unknown>[];
  readonly set: (data: unknown) => void;
};
export function usePresence(schema?: Schema): {
  readonly present: readonly TypedPresence<unknown>[];
  readonly set: (data: unknown) => void;
} {
  const { presence } = useLog();
  const all = useSelected(presence, itself);
  return useMemo(
    () => ({
      present: schema ? all.flatMap((one) => readPresence(schema, one)) : all,
      set: (data) => presence.set(data),
    }),
    [all, presence, schema],
  );
}

function readPresence(schema: Schema, presence: TypedPresence<unknown>): readonly TypedPresence<unknown>[] {
  const parsed = parseWith(schema, presence.data);
  return parsed.ok ? [{ ...presence, data: parsed.value }] : [];
}

function useLiveRows<P extends AnyProjection>(projection: P) {
  const log = useLog();
  return useMemo(() => log.rows(projection), [log, projection]);
}

/**
 * What `select` makes of a live value: the last result again where `same` finds no difference. Where `select` is another
 * function in each render it runs once a render, else once a change.
 */
function useSelected<Value, Selected>(
  live: Live<Value>,
  select: (value: Value) => Selected,
  same: Same<Selected> = Object.is,
): Selected {
  // What the screen shows. Written after a render was taken over, so that one that React throws away leaves no trace.
  const shown = useRef<{ readonly selected: Selected } | null>(null);
  // Read while rendering, as React's own `use-sync-external-store/with-selector` does: it decides only which of two equal results is given.
  // oxlint-disable-next-line react/refs
  const read = useMemo(() => reader(live, select, same, shown), [live, select, same]);
  const subscribe = useCallback((changed: () => void) => live.subscribe(changed), [live]);
  const selected = useSyncExternalStore(subscribe, read, read);
  useEffect(() => {
    shown.current = { selected };
  }, [selected]);
  return selected;
}

type Same<Item> = (left: Item, right: Item) => boolean;

function reader<Value, Selected>(
  live: Live<Value>,
  select: (value: Value) => Selected,
  same: Same<Selected>,
  shown: { readonly current: { readonly selected: Selected } | null },
): () => Selected {
  let last: { readonly value: Value; readonly selected: Selected } | null = null;
  return () => {
    const value = live.get();
    if (last && Object.is(last.value, value)) return last.selected;
    const fresh = select(value);
    const before = last ?? shown.current;
    last = { value, selected: before && same(before.selected, fresh) ? before.selected : fresh };
    return last.selected;
  };
}

function arrange<Row>(
  all: readonly TypedRowEntry<Row>[],
  where: RowsOptions<Row>["where"],
  orderBy: RowsOptions<Row>["orderBy"],
): readonly TypedRowEntry<Row>[] {
  const chosen = where ? all.filter(({ row, key }) => where(row, key)) : all;
  if (!orderBy) return chosen;
  return chosen
    .map((entry) => ({ entry, by: [orderBy(entry.row, entry.key)].flat() }))
    .sort((left, right) => compareAll(left.by, right.by) || compare(left.entry.key, right.entry.key))
    .map(({ entry }) => entry);
}

function compareAll(left: readonly Orderable[], right: readonly Orderable[]): number {
  for (const [at, value] of left.entries()) {
    const order = compare(value, right[at] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function compare(left: Orderable, right: Orderable): number {
  if (left === right) return 0;
  if (left === null || right === null) return left === null ? -1 : 1;
  return left < right ? -1 : 1;
}

function sameItems<Item>(left: readonly Item[], right: readonly Item[]): boolean {
  return left === right || (left.length === right.length && left.every((item, at) => item === right[at]));
}

function itself<Value>(value: Value): Value {
  return value;
}
