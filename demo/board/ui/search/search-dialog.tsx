/** The search over the board's cards. Enter opens the first card, arrow keys choose another one. */
import { useLog } from "dacapo/react";
import { type KeyboardEvent, useEffect, useState } from "react";
import { Dialog } from "../dialog.tsx";
import { CardSearch, FOUND_MAX, type FoundCard } from "./card-search.ts";

type SearchDialogProps = {
  /** Names of columns by their ids. */
  readonly columns: ReadonlyMap<string, string>;
  readonly onOpen: (card: string) => void;
  readonly onClose: () => void;
};

export function SearchDialog({ columns, onOpen, onClose }: SearchDialogProps) {
  const [text, setText] = useState("");
  const { found, isFailing } = useFound(text);
  const shown = found?.slice(0, FOUND_MAX) ?? [];
  const open = (key: string) => {
    onClose();
    onOpen(key);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>("input, .found button")];
    const at = all.findIndex((element) => element === document.activeElement);
    all[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    event.preventDefault();
  };
  return (
    <Dialog label="Search cards" className="search" onClose={onClose}>
      <form
        onKeyDown={onKeyDown}
        onSubmit={(event) => {
          event.preventDefault();
          if (shown[0]) open(shown[0].key);
        }}
      >
        <label className="field">
          Search cards
          <input
            type="search"
            value={text}
            onChange={({ target }) => setText(target.value)}
            autoFocus
            autoComplete="off"
            placeholder="Words of a title or a description"
          />
        </label>
        <p className="hint" role="status">
          {isFailing ? "This browser has no space for the search." : sayFound(text, found)}
        </p>
        <ul className="found">
          {shown.map(({ key, title, column, done }) => (
            <li key={key}>
              <button type="button" className={done ? "done" : ""} onClick={() => open(key)}>
                <span>{title}</span> <small>{columns.get(column) ?? "without a column"}</small>
              </button>
            </li>
          ))}
        </ul>
      </form>
    </Dialog>
  );
}

/** The cards that were found; null while the search begins. */
function useFound(text: string): { readonly found: readonly FoundCard[] | null; readonly isFailing: boolean } {
  const log = useLog();
  const [search, setSearch] = useState<CardSearch | null>(null);
  const [found, setFound] = useState<readonly FoundCard[] | null>(null);
  const [isFailing, setFailing] = useState(false);
  useEffect(() => {
    let isOpen = true;
    const opened = new CardSearch(log, () => isOpen && setFailing(true));
    opened.ready.then(
      () => isOpen && setSearch(opened),
      () => {},
    );
    return () => {
      isOpen = false;
      void opened.close();
    };
  }, [log]);
  useEffect(() => {
    const subscription = search?.find(text).subscribe(setFound);
    return () => subscription?.unsubscribe();
  }, [search, text]);
  return { found, isFailing };
}

function sayFound(text: string, found: readonly FoundCard[] | null): string {
  if (found === null) return "Preparing the search …";
  if (text.trim() === "") return "Type the beginning of a word.";
  if (found.length > FOUND_MAX) return `The first ${FOUND_MAX} cards`;
  return found.length === 0 ? "No card has these words." : found.length === 1 ? "1 card" : `${found.length} cards`;
}
