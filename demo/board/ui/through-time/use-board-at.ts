/** The board after an event of its log. Each position is read from this device, one at a time. */
import type { HistoryEntry } from "dacapo/client";
import { useLog } from "dacapo/react";
import { useEffect, useRef, useState } from "react";
import { card } from "../../domain/card.ts";
import { column } from "../../domain/column.ts";
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
  return {
    position,
    event,
    subject: event && ((await formerName(log, event)) ?? nameIn(event, lanes, all) ?? (await titleAt(log, event))),
    columns: lanes.sort((left, right) => (left.row.order < right.row.order ? -1 : 1)),
    cards: Map.groupBy(all.sort(compareCards), (entry) => entry.row.column),
  };
}

/** The name before a renaming, because the sentence has the new one. Null: the event renames nothing. */
async function formerName(log: ReturnType<typeof useLog>, event: HistoryEntry): Promise<string | null> {
  const [id, version] = [idOf(event.stream), event.version - 1];
  if (event.type === "CardRenamed") return (await log.stateAt(card, id, { version }))?.title ?? null;
  if (event.type === "ColumnRenamed") return (await log.stateAt(column, id, { version }))?.name ?? null;
  return null;
}

function nameIn({ stream }: HistoryEntry, lanes: PastBoard["columns"], all: readonly CardEntry[]): string | null {
  const title = all.find(({ key }) => key === stream)?.row.title;
  return title ?? lanes.find(({ key }) => key === stream)?.row.name ?? null;
}

/** An archived card has no row. */
async function titleAt(log: ReturnType<typeof useLog>, event: HistoryEntry): Promise<string | null> {
  if (event.aggregate !== card.name) return null;
  return (await log.stateAt(card, idOf(event.stream), { version: event.version }))?.title ?? null;
}
