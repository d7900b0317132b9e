/** The search over the board's cards. Enter opens the first card, arrow keys choose another one. */
import { useLog } from "dacapo/react";
import { type KeyboardEvent, useEffect, useState } from "react";
import { flushSync } from "react-dom";
import { Dialog } from "../dialog.tsx";
import { focusCard } from "../reveal-card.ts";
import { FOUND_MAX, searchOf } from "./card-search.ts";
import type { FoundCard } from "./card-words.ts";
import { words } from "../../words/language.ts";

type SearchDialogProps = {
  /** Names of columns by their ids. */
  readonly columns: ReadonlyMap<string, string>;
  readonly onOpen: (card: string) => void;
  readonly onClose: () => void;
};

export function SearchDialog({ columns, onOpen, onClose }: SearchDialogProps) {
  const [text, setText] = useState("");
  const found = useFound(text);
  const shown = found?.slice(0, FOUND_MAX) ?? [];
  const open = (key: string) => {
    // The card has the focus before its panel opens, so that the panel returns the focus to it.
    flushSync(onClose);
    focusCard(key);
    onOpen(key);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.nativeEvent.isComposing) return;
    // Otherwise Chromium only empties the field at the first Escape.
    if (event.key === "Escape") {
      event.preventDefault();
      return onClose();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>("input, .found button")];
    const at = all.findIndex((element) => element === document.activeElement);
    all[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    event.preventDefault();
  };
  return (
    <Dialog label={words.search.label} className="search" onClose={onClose}>
      <form
        onKeyDown={onKeyDown}
        onSubmit={(event) => {
          event.preventDefault();
          if (shown[0]) open(shown[0].key);
        }}
      >
        <label className="field">
          {words.search.label}
          <input
            type="search"
            value={text}
            onChange={({ target }) => setText(target.value)}
            autoFocus
            autoComplete="off"
            placeholder={words.search.placeholder}
          />
        </label>
        <p className="hint" role="status">
          {sayFound(text, found)}
        </p>
        <ul className="found">
          {shown.map(({ key, title, column, done }) => (
            <li key={key}>
              <button type="button" className={done ? "done" : ""} onClick={() => open(key)}>
                <span>{title}</span> <small>{columns.get(column) ?? words.search.stray}</small>
              </button>
            </li>
          ))}
        </ul>
      </form>
    </Dialog>
  );
}

/** The cards that were found; null while the first ones are searched. */
function useFound(text: string): readonly FoundCard[] | null {
  const log = useLog();
  const [found, setFound] = useState<readonly FoundCard[] | null>(null);
  useEffect(() => searchOf(log).find(text, setFound), [log, text]);
  return found;
}

function sayFound(text: string, found: readonly FoundCard[] | null): string {
  if (found === null) return words.search.preparing;
  if (text.trim() === "") return words.search.empty;
  if (found.length > FOUND_MAX) return words.search.first(FOUND_MAX);
  return words.search.found(found.length);
}
