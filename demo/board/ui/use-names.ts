import { useLog, useRows } from "dacapo/react";
import { useCallback, useEffect, useState } from "react";
import { card } from "../domain/card.ts";
import { column } from "../domain/column.ts";
import { cards, columns } from "../domain/read-models.ts";
import { idOf } from "./rows.ts";
import type { Names } from "./words.ts";

/** Names of cards and columns. Names of removed cards and columns (`gone`) are read from their streams. */
export function useNames(gone: readonly string[] = []): Names {
  const log = useLog();
  const rows = useRows(cards);
  const lanes = useRows(columns);
  const [asked, setAsked] = useState<ReadonlyMap<string, string>>(new Map());
  const wanted = [...new Set(gone)].sort().join(" ");
  useEffect(() => {
    let current = true;
    const ask = async (stream: string): Promise<readonly [string, string]> => {
      if (stream.startsWith("card/")) return [stream, (await log.stateAt(card, idOf(stream)))?.title ?? ""];
      return [stream, (await log.stateAt(column, idOf(stream)))?.name ?? ""];
    };
    // Ignore the error, because a missing name must not stop the page.
    void Promise.all(wanted.split(" ").filter(Boolean).map(ask)).then(
      (found) => current && setAsked(new Map(found)),
      () => {},
    );
    return () => void (current = false);
  }, [log, wanted]);
  return useCallback(
    (stream) =>
      rows.find(({ key }) => key === stream)?.row.title ??
      lanes.find(({ key }) => key === stream)?.row.name ??
      (asked.get(stream) || null),
    [rows, lanes, asked],
  );
}
