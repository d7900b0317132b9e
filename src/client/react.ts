"use client"; // because a server component of Next may import this module, and a context needs a client
/**
 * React hooks over the handle of an open log.
 *
 * Place: the entry `dacapo/react`. It uses only the interface `LogHandle`, so a test may pass a handle of its own.
 *
 * Guarantees (`react.test.tsx`):
 * - One render shows one moment of the log, because `useSyncExternalStore` does not tear.
 * - A hook returns the same object until the shown values change, also with `where` and `orderBy` written inline.
 *   A component renders again only then.
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
  const select = useCallback(
    (all: readonly TypedRowEntry<RowOf<P>>[]) => arrange(all, where, orderBy),
    [where, orderBy],
  );
  return useSelected(rows, select, sameItems);
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
 * Returns the result of `select` on a live value, or the last result where `same` finds no difference.
 *
 * `select` runs once for each change. A `select` that is a new function in each render also runs once for each render.
 */
function useSelected<Value, Selected>(
  live: Live<Value>,
  select: (value: Value) => Selected,
  same: Same<Selected> = Object.is,
): Selected {
  // The result that the screen shows. Written in an effect, because React may throw a render away before it is shown.
  const shown = useRef<{ readonly selected: Selected } | null>(null);
  // Read while rendering, as React's own `use-sync-external-store/with-selector` does. It only decides which of two
  // equal results is returned.
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
