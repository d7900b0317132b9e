"use client"; // because a server component of Next may import this module, and a context needs a client
/**
 * React hooks over the handle of an open log.
 *
 * Place: the entry `dacapo/react`. It uses only the interface `LogHandle`, so a test may pass a handle of its own.
 *
 * Guarantees (`react.test.tsx`):
 * - One render shows one moment of the log, because `useSyncExternalStore` does not tear.
 * - A hook returns the same object until the shown values change, also if `where`, `orderBy`, `select` or a schema is
 *   written inline. A component renders again only then.
 *
 * @module dacapo/react
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
import type { Live, TypedRowEntry } from "./page/live-types.ts";
import type { LogHandle, TypedPresence } from "./page/log-handle.ts";
import type { LogStatus, RejectedCommit } from "./messages/log-types.ts";
import { isSame } from "./tables/is-same.ts";

/**
 * The props of `LogProvider`.
 *
 * @example
 * const props: LogProviderProps = { log, children: createElement(Board) };
 */
export type LogProviderProps = {
  /** The open log. */
  readonly log: LogHandle<unknown>;
  /** The components that use the log. */
  readonly children?: ReactNode;
};

/**
 * Which rows `useRows` returns, and in which order.
 *
 * @example
 * const options: RowsOptions<RowOf<typeof board>> = { where: (row) => !row.done, orderBy: (row) => row.title };
 */
export type RowsOptions<Row> = {
  /**
   * Returns true for the rows to show.
   *
   * @default all rows
   */
  readonly where?: (row: Row, key: string) => boolean;
  /**
   * Returns the value to order by, smallest first. Of several values in an array, the first counts most.
   *
   * @default by key
   */
  readonly orderBy?: (row: Row, key: string) => Orderable | readonly Orderable[];
};

/**
 * A value that rows are ordered by. Texts are ordered by their code units, the same on every device. `null` comes
 * first.
 *
 * @example
 * const byDue = (row: { readonly due: number | null }): Orderable => row.due;
 */
export type Orderable = string | number | boolean | null;

const LogContext = createContext<LogHandle<unknown> | null>(null);

/**
 * Provides a log to the hooks of the components inside.
 *
 * @example
 * createRoot(root).render(<LogProvider log={await openLog("team-7", options)}><Board /></LogProvider>);
 */
export const LogProvider: FunctionComponent<LogProviderProps> = ({ log, children }) =>
  createElement(LogContext.Provider, { value: log }, children);

/**
 * Returns the handle of the log, for members that have no hook: `history`, `stateAt`, `pause`.
 *
 * @example
 * const log = useLog();
 * <button onClick={() => log.undo()}>Undo</button>
 *
 * @throws {DefinitionError} `definition`: there is no `LogProvider` around the component. Each hook throws it.
 */
export function useLog(): LogHandle<unknown> {
  const log = useContext(LogContext);
  if (log) return log;
  throw new DefinitionError({
    message: "A Dacapo hook was called outside of a LogProvider",
    fix: "Put <LogProvider log={await openLog(…)}> around the components that use the log.",
  });
}

/**
 * Returns the rows of a projection, each `{ key, row, pending }`. Until the worker sent them, there are none.
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
  const select = useCallback((all: Entries<RowOf<P>>) => arrange(all, where, orderBy), [where, orderBy]);
  return useSelected(rows, select, keepItems);
}

/**
 * Returns the row with a key, or undefined while there is none. Only a change of this row renders again.
 *
 * @example
 * const entry = useRow(board, "task/t1");
 */
export function useRow<P extends AnyProjection>(projection: P, key: string): TypedRowEntry<RowOf<P>> | undefined {
  const rows = useLiveRows(projection);
  const select = useCallback(() => rows.row(key), [rows, key]);
  return useSelected(rows, select);
}

/**
 * Returns the status: connection, pending commits, progress, error.
 *
 * With `select`, it returns a part of the status. The component then renders again only when that part changes.
 *
 * @example
 * const pending = useStatus((status) => status.pending);
 */
export function useStatus(): LogStatus;
export function useStatus<Part>(select: (status: LogStatus) => Part): Part;
export function useStatus(select: (status: LogStatus) => unknown = itself): unknown {
  return useSelected(useLog().status, select);
}

/**
 * Returns the rejected commits of this device, each with `retry()` and `discard()`.
 *
 * @example
 * const rejections = useRejections();
 * rejections.map(({ commit, message, discard }) => <button key={commit} onClick={discard}>{message}</button>);
 */
export function useRejections(): readonly RejectedCommit[] {
  return useSelected(useLog().rejections, itself);
}

/**
 * Returns `log.execute`, as the same function in each render.
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
 * Returns the presence of the other devices, and a function that sets the presence of this tab.
 *
 * Without a schema, data is unknown. With one, devices whose data the schema refuses are left out: another version of
 * the app may have set it.
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
  const select = useCallback(
    (all: Present) => (schema ? all.flatMap((one) => readPresence(schema, one)) : all),
    [schema],
  );
  const present = useSelected(presence, select, keepPresent);
  const set = useCallback((data: unknown) => presence.set(data), [presence]);
  return useMemo(() => ({ present, set }), [present, set]);
}

type Present = readonly TypedPresence<unknown>[];

function readPresence(schema: Schema, presence: TypedPresence<unknown>): Present {
  const parsed = parseWith(schema, presence.data);
  return parsed.ok ? [{ ...presence, data: parsed.value }] : [];
}

function useLiveRows<P extends AnyProjection>(projection: P) {
  const log = useLog();
  return useMemo(() => log.rows(projection), [log, projection]);
}

/**
 * Returns the result of `select` on a live value, or what `keep` keeps of the last result.
 *
 * `select` runs once for each change. A `select` that is a new function in each render also runs once for each render.
 */
function useSelected<Value, Selected>(
  live: Live<Value>,
  select: (value: Value) => Selected,
  keep: Keep<Selected> = keepSame,
): Selected {
  // The result that the screen shows. Written in an effect, because React may throw a render away before it is shown.
  const shown = useRef<{ readonly selected: Selected } | null>(null);
  // Read while rendering, as React's own `use-sync-external-store/with-selector` does. It only decides which of two
  // equal results is returned.
  // oxlint-disable-next-line react/refs
  const read = useMemo(() => reader(live, select, keep, shown), [live, select, keep]);
  const subscribe = useCallback((changed: () => void) => live.subscribe(changed), [live]);
  const selected = useSyncExternalStore(subscribe, read, read);
  useEffect(() => {
    shown.current = { selected };
  }, [selected]);
  return selected;
}

type Keep<Selected> = (before: Selected, fresh: Selected) => Selected;

function reader<Value, Selected>(
  live: Live<Value>,
  select: (value: Value) => Selected,
  keep: Keep<Selected>,
  shown: { readonly current: { readonly selected: Selected } | null },
): () => Selected {
  let last: { readonly value: Value; readonly selected: Selected } | null = null;
  return () => {
    const value = live.get();
    if (last && Object.is(last.value, value)) return last.selected;
    const fresh = select(value);
    const before = last ?? shown.current;
    last = { value, selected: before ? keep(before.selected, fresh) : fresh };
    return last.selected;
  };
}

type Entries<Row> = readonly TypedRowEntry<Row>[];

function arrange<Row>(
  all: Entries<Row>,
  where: RowsOptions<Row>["where"],
  orderBy: RowsOptions<Row>["orderBy"],
): Entries<Row> {
  const chosen = where ? all.filter(({ row, key }) => where(row, key)) : all;
  if (!orderBy) return chosen;
  return chosen
    .map((entry) => ({ entry, by: [orderBy(entry.row, entry.key)].flat() }))
    .sort((left, right) => compareAll(left.by, right.by) || compare(left.entry.key, right.entry.key))
    .map(({ entry }) => entry);
}

function compareAll(left: readonly Orderable[], right: readonly Orderable[]): number {
  return left.map((value, at) => compare(value, right[at] ?? null)).find((order) => order !== 0) ?? 0;
}

function compare(left: Orderable, right: Orderable): number {
  if (left === right) return 0;
  if (left === null || right === null) return left === null ? -1 : 1;
  return left < right ? -1 : 1;
}

function keepSame<Value>(before: Value, fresh: Value): Value {
  return isSame(before, fresh) ? before : fresh;
}

function keepItems<Item>(before: readonly Item[], fresh: readonly Item[]): readonly Item[] {
  return before.length === fresh.length && before.every((item, at) => item === fresh[at]) ? before : fresh;
}

/** Keeps each entry whose content is as before, because the worker sends all entries with each change. */
function keepPresent(before: Present, fresh: Present): Present {
  const known = new Map(before.map((one) => [one.client, one]));
  return keepItems(
    before,
    fresh.map((one) => keepSame(known.get(one.client) ?? one, one)),
  );
}

const itself = <Value>(value: Value): Value => value;
