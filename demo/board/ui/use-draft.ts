/**
 * An unfinished text. This tab keeps it over a closed panel, another view and a reload, until the person saves or
 * discards it.
 */
import { useLog } from "dacapo/react";
import { useCallback, useState } from "react";
import { keep, recall } from "../memory.ts";

/** `over` is the text that was there when the draft began. */
export type Draft = { readonly text: string; readonly over: string };

/** @param field the draft's name: a card's stream and the field, such as "card/c1 description" */
export function useDraft(field: string): readonly [Draft | null, (draft: Draft | null) => void] {
  const { log, user } = useLog();
  const key = keyOf(log, user, field);
  const [draft, setDraft] = useState(() => read(key));
  const change = useCallback(
    (next: Draft | null) => {
      keep(() => sessionStorage, key, next && JSON.stringify(next));
      setDraft(next);
    },
    [key],
  );
  return [draft, change];
}

/** Returns a function that reads the draft of a field. */
export function useReadDraft(): (field: string) => Draft | null {
  const { log, user } = useLog();
  return useCallback((field) => read(keyOf(log, user, field)), [log, user]);
}

function keyOf(log: string, user: string, field: string): string {
  return `board.draft ${log} ${user} ${field}`;
}

function read(key: string): Draft | null {
  try {
    const found: unknown = JSON.parse(recall(() => sessionStorage, key) ?? "null");
    if (typeof found !== "object" || found === null || !("text" in found) || !("over" in found)) return null;
    return typeof found.text === "string" && typeof found.over === "string"
      ? { text: found.text, over: found.over }
      : null;
  } catch {
    return null;
  }
}
