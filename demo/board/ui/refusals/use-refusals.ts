/** The refused changes of this device, with the texts around them: what the person saw, and what is there now. */
import type { LogHandle } from "dacapo/client";
import { useLog, useRejections, useRows } from "dacapo/react";
import { useEffect, useMemo, useState } from "react";
import { card } from "../../domain/card.ts";
import { column } from "../../domain/column.ts";
import { cards, columns } from "../../domain/read-models.ts";
import { idOf } from "../rows.ts";
import { field } from "../words.ts";
import { type Refusal, refusalsOf, seenVersion } from "./refusal.ts";

export type ShownRefusal = Refusal & {
  /** The name that the person saw; null until it is read, and if nobody else changed the card or column. */
  readonly seenName: string | null;
  /** The three texts of a conflict; null for other refusals. */
  readonly texts: ConflictTexts | null;
};

export type ConflictTexts = {
  readonly seen: string | null;
  readonly mine: string;
  readonly now: string;
  /** The author of the text that is there now. */
  readonly by: string;
};

type Around = { readonly seenName: string | null; readonly seen: string | null; readonly by: string | null };

export function useRefusals(): readonly ShownRefusal[] {
  const log = useLog();
  const rejections = useRejections();
  const rows = useRows(cards);
  const lanes = useRows(columns);
  const refusals = useMemo(() => refusalsOf(rejections), [rejections]);
  const [around, setAround] = useState<ReadonlyMap<string, Around>>(new Map());
  const now = useMemo(
    () => refusals.map(({ refused, text }) => text && nowOf(log, refused.stream, text.name)),
    // `rows` and `lanes` are the moment that `nowOf` reads.
    // oxlint-disable-next-line react/exhaustive-deps
    [log, refusals, rows, lanes],
  );
  const texts = now.join("\n");
  useEffect(() => {
    let current = true;
    const read = async (refusal: Refusal) => [refusal.key, await aroundOf(log, refusal)] as const;
    // Ignore the error, because the texts of the refusal itself are enough for a choice.
    void Promise.all(refusals.map(read)).then(
      (found) => current && setAround(new Map(found)),
      () => {},
    );
    return () => void (current = false);
  }, [log, refusals, texts]);
  return useMemo(
    () =>
      refusals.map((refusal, at) => {
        const { seenName = null, seen = null, by = null } = around.get(refusal.key) ?? {};
        const there = now[at];
        const { text, last, refused } = refusal;
        if (!text || there === null || there === undefined) return { ...refusal, seenName, texts: null };
        const first = last.theirs.findLast(({ type, stream }) => type === text.event && stream === refused.stream);
        const mine = field(refused.input ?? null, text.name);
        return { ...refusal, seenName, texts: { seen, mine, now: there, by: by ?? first?.actor ?? "" } };
      }),
    [refusals, around, now],
  );
}

function nowOf(log: LogHandle<unknown>, stream: string, name: "title" | "description" | "name"): string | null {
  return name === "name"
    ? (log.rows(columns).row(stream)?.row.name ?? null)
    : (log.rows(cards).row(stream)?.row[name] ?? null);
}

async function aroundOf(log: LogHandle<unknown>, refusal: Refusal): Promise<Around> {
  const { refused, text } = refusal;
  const version = seenVersion(refusal);
  const id = idOf(refused.stream);
  if (refused.stream.startsWith("card/")) {
    const state = version === null ? null : await log.stateAt(card, id, { version });
    const history = text ? await log.history(card, id) : [];
    const by = history.findLast(({ type }) => type === text?.event)?.actor ?? null;
    return {
      seenName: state?.title ?? null,
      seen: (text?.name === "description" ? state?.description : state?.title) ?? null,
      by,
    };
  }
  const state = version === null ? null : await log.stateAt(column, id, { version });
  const history = text ? await log.history(column, id) : [];
  const by = history.findLast(({ type }) => type === text?.event)?.actor ?? null;
  return { seenName: state?.name ?? null, seen: state?.name ?? null, by };
}
