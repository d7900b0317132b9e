/** The board after an event of its log. Each position is read from this device, one at a time. */
import type { HistoryEntry } from "dacapo/client";
import { useLog } from "dacapo/react";
import { useEffect, useRef, useState } from "react";
import { card } from "../../domain/card.ts";
import { cards, columns } from "../../domain/read-models.ts";
import { compareCards } from "../lift/lift.ts";
import { type CardEntry, type ColumnEntry, idOf } from "../rows.ts";

export type PastBoard = {
  readonly position: number;
  /** Null before the first event. */
  readonly event: HistoryEntry | null;
  /** The name of the event's card or column. */
  readonly subject: string | null;
  /** From left to right. */
  readonly columns: readonly ColumnEntry[];
  /** From top to bottom, by the column's id. */
  readonly cards: ReadonlyMap<string, readonly CardEntry[]>;
};

/** The last board stays while the next position is read. Then only the newest position is read. */
export function useBoardAt(position: number): { readonly board: PastBoard | null; readonly error: string | null } {
  const log = useLog();
  const [board, setBoard] = useState<PastBoard | null>(null);
  const [error, setError] = useState<string | null>(null);
  const isReading = useRef(false);
  useEffect(() => {
    if (isReading.current || board?.position === position) return;
    isReading.current = true;
    boardAt(log, position)
      .then((found) => {
        isReading.current = false;
        setError(null);
        setBoard(found);
      })
      .catch((reason: unknown) => {
        isReading.current = false;
        setError(reason instanceof Error ? reason.message : String(reason));
      });
  }, [log, position, board]);
  return { board, error };
}

async function boardAt(log: ReturnType<typeof useLog>, position: number): Promise<PastBoard> {
  const [ofColumns, ofCards] = await Promise.all([log.rowsAt(columns, { position }), log.rowsAt(cards, { position })]);
  const { event } = ofCards;
  const lanes = ofColumns.rows.map((entry) => ({ ...entry, pending: false }));
  const all = ofCards.rows.map((entry) => ({ ...entry, pending: false }));
  const row = all.find(({ key }) => key === event?.stream)?.row;
  return {
    position,
    event,
    subject:
      row?.title ??
      lanes.find(({ key }) => key === event?.stream)?.row.name ??
      // An archived card has no row.
      (event?.aggregate === card.name ? await titleAt(log, event) : null),
    columns: lanes.sort((left, right) => (left.row.order < right.row.order ? -1 : 1)),
    cards: Map.groupBy(all.sort(compareCards), (entry) => entry.row.column),
  };
}

async function titleAt(log: ReturnType<typeof useLog>, { stream, version }: HistoryEntry): Promise<string | null> {
  return (await log.stateAt(card, idOf(stream), { version }))?.title ?? null;
}
