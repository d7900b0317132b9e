/** The board: its columns side by side, and the open card above them. */
import { usePresence, useLog, useRows, useStatus } from "dacapo/react";
import { useEffect, useMemo, useRef, useState } from "react";
import { cards, columns } from "../domain/read-models.ts";
import { boardPresence } from "../presence.ts";
import { AddColumn } from "./add-column.tsx";
import { BoardLog } from "./board-log.tsx";
import { SMALL_MAX } from "./card-list.tsx";
import { CardPanel } from "./card-panel.tsx";
import { type CardsByColumn, CardsInColumns } from "./cards-in-columns.ts";
import { ColumnView } from "./column-view.tsx";
import { EmptyBoard } from "./empty-board.tsx";
import { useLift } from "./lift/use-lift.ts";
import { RefusalList } from "./refusals/refusal-list.tsx";
import { type ShownRefusal, useRefusals } from "./refusals/use-refusals.ts";
import { type CardEntry, idOf } from "./rows.ts";
import { ServerNotices } from "./server-notices.tsx";
import { StrayCards } from "./stray-cards.tsx";
import { TopBar } from "./top-bar.tsx";
import { useGlide } from "./use-glide.ts";
import { useKeptFocus } from "./use-kept-focus.ts";
import { keep, recall } from "../memory.ts";
import { words } from "../words/language.ts";

const NO_CARDS: readonly CardEntry[] = [];
const NO_REFUSALS: readonly ShownRefusal[] = [];

/** `isSide`: the board is a side of a duo, which has one cable for both. */
export function Board({ isSide }: { readonly isSide: boolean }) {
  const board = useRef<HTMLDivElement>(null);
  const entries = useRows(columns, { orderBy: (row) => row.order });
  const all = useRows(cards);
  const [lists] = useState(() => new CardsInColumns());
  const byColumn = useMemo(() => lists.of(all), [lists, all]);
  const places = useMemo(() => entries.map(({ key, row }) => ({ id: idOf(key), name: row.name })), [entries]);
  const { lift, handlers } = useLift(board, places);
  const [active, setActive] = useState<string | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [hasLog, setLog] = useRemembered("board.log", !isSide);
  const watchers = useWatchers(open);
  const refusals = useRefusals();
  const refusalsByCard = useMemo(() => byCard(refusals), [refusals]);
  useGlide(board, lift?.card ?? null, all);
  useKeptFocus(board, open);

  const carried = lift?.by === "keys" ? (all.find(({ key }) => key === lift.card) ?? null) : null;
  const home = all.find(({ key }) => key === lift?.card)?.row.column;
  const cardProps = { active, watchers, refusals: refusalsByCard, handlers, onOpen: setOpen, onFocus: setActive };
  const strays = useMemo(() => straysOf(byColumn, new Set(places.map(({ id }) => id))), [byColumn, places]);
  const isLarge = useMemo(() => [...byColumn.values()].some(({ length }) => length > SMALL_MAX), [byColumn]);
  const hideLog = () => {
    setLog(false);
    // The button that had the focus is gone.
    board.current?.focus();
  };
  const ready = useStatus((status) => status.connection !== "connecting");

  return (
    <>
      <TopBar isSide={isSide} columns={entries} isLarge={isLarge} onOpen={setOpen} hasLog={hasLog} onLog={setLog} />
      <ServerNotices />
      <RefusalList refusals={refusals} onOpen={setOpen} />
      <main className={lift ? "board lifting" : "board"} ref={board} tabIndex={-1}>
        {entries.length === 0 && <EmptyBoard ready={ready} />}
        {entries.length > 0 && strays.length > 0 && <StrayCards rows={strays} lift={lift} {...cardProps} />}
        {entries.map((entry) => (
          <ColumnView
            key={entry.key}
            entry={entry}
            all={entries}
            rows={byColumn.get(idOf(entry.key)) ?? NO_CARDS}
            lift={lift && (lift.column === idOf(entry.key) || home === idOf(entry.key)) ? lift : null}
            carried={lift?.column === idOf(entry.key) ? carried : null}
            {...cardProps}
          />
        ))}
        {entries.length > 0 && <AddColumn last={entries.at(-1)?.row.order ?? null} />}
      </main>
      {hasLog && <BoardLog onHide={hideLog} />}
      <p id="card-keys" hidden>
        {words.board.keys}
      </p>
      {open !== null && (
        <CardPanel
          key={open}
          card={open}
          columns={places}
          refusals={refusalsByCard.get(open) ?? NO_REFUSALS}
          onOpen={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </>
  );
}

/** A choice of the person that this browser remembers. It stays false where there is no such choice. */
function useRemembered(key: string, exists: boolean): readonly [boolean, (chosen: boolean) => void] {
  const [chosen, setChosen] = useState(() => exists && recall(() => localStorage, key) !== null);
  const choose = (next: boolean) => {
    keep(() => localStorage, key, next ? "yes" : null);
    setChosen(next);
  };
  return [chosen, choose];
}

/** Cards of columns that were removed. */
function straysOf(byColumn: CardsByColumn, columns: ReadonlySet<string>): readonly CardEntry[] {
  return [...byColumn].filter(([column]) => !columns.has(column)).flatMap(([, cards]) => cards);
}

function byCard(refusals: readonly ShownRefusal[]): ReadonlyMap<string, readonly ShownRefusal[]> {
  return Map.groupBy(refusals, ({ refused }) => refused.stream);
}

/** Shows this tab's open card to other devices, and returns the names of their people by card, one name a line. */
function useWatchers(open: string | null): ReadonlyMap<string, string> {
  const { client } = useLog();
  const { present, set } = usePresence(boardPresence);
  const live = useStatus((status) => status.connection === "live" || status.connection === "following");
  useEffect(() => {
    if (live) set({ card: open });
  }, [live, open, set]);
  return useMemo(() => {
    const names = new Map<string, string>();
    for (const { client: other, actor, data } of present) {
      if (other === client || data.card === null) continue;
      const before = names.get(data.card);
      if (!before?.split("\n").includes(actor))
        names.set(data.card, before === undefined ? actor : `${before}\n${actor}`);
    }
    return names;
  }, [client, present]);
}
