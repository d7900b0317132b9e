/** The head of a column: its name, its counts and its menu. */
import { useRef, useState } from "react";
import { column } from "../domain/column.ts";
import { orderBetween } from "../order.ts";
import { InlineText } from "./inline-text.tsx";
import { Menu } from "./menu.tsx";
import { RemoveColumn } from "./remove-column.tsx";
import { type CardEntry, type ColumnEntry, idOf } from "./rows.ts";
import { Staff } from "./staff.tsx";
import { useAct } from "./use-act.ts";
import { words } from "../words/language.ts";

type ColumnHeadProps = {
  readonly entry: ColumnEntry;
  readonly all: readonly ColumnEntry[];
  readonly cards: readonly CardEntry[];
  readonly counts: { readonly cards: number; readonly done: number };
};

export function ColumnHead({ entry, all, cards, counts }: ColumnHeadProps) {
  const act = useAct();
  const [mode, setMode] = useState<"rename" | "remove" | null>(null);
  const id = idOf(entry.key);
  const at = all.findIndex(({ key }) => key === entry.key);
  const moveBetween = (before: number, after: number, said: string) => {
    const order = orderBetween(all[before]?.row.order ?? null, all[after]?.row.order ?? null);
    void act(column.command.move(id, { order }), said);
  };
  const header = useRef<HTMLElement>(null);
  const rename = (name: string | null, left: boolean) => {
    setMode(null);
    if (!left) header.current?.querySelector("button")?.focus();
    if (name !== null) void act(column.command.rename(id, { name }), words.column.renamed(name));
  };
  return (
    <>
      <header ref={header} className="column-head">
        {mode === "rename" ? (
          <InlineText label={words.column.name} value={entry.row.name} lengthMax={40} onDone={rename} />
        ) : (
          <h2 onDoubleClick={() => setMode("rename")}>{entry.row.name}</h2>
        )}
        <span className="count" title={words.column.doneOf(counts.done, counts.cards)}>
          {counts.done > 0 ? `${words.number(counts.done)}/${words.number(counts.cards)}` : words.number(counts.cards)}
        </span>
        <Menu
          label={words.column.menu(entry.row.name)}
          items={[
            { label: words.common.rename, run: () => setMode("rename") },
            {
              label: words.column.moveLeft,
              run: () => moveBetween(at - 2, at - 1, words.column.movedLeft),
              disabled: at <= 0,
            },
            {
              label: words.column.moveRight,
              run: () => moveBetween(at + 1, at + 2, words.column.movedRight),
              disabled: at === all.length - 1,
            },
            { label: words.column.remove, run: () => setMode("remove"), disabled: all.length < 2 },
          ]}
        />
        {mode === "remove" && (
          <RemoveColumn
            entry={entry}
            cards={cards}
            others={all.filter(({ key }) => key !== entry.key)}
            onClose={() => setMode(null)}
          />
        )}
      </header>
      <Staff cards={cards} />
    </>
  );
}
