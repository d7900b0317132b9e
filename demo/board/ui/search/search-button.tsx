/** Opens the search over cards: by its button, and by Ctrl+K. */
import { lazy, Suspense, useEffect, useState } from "react";
import { Icon } from "../icon.tsx";
import { words } from "../../words/language.ts";

// Loaded after the board, because a board opens without its search.
const loadDialog = async () => ({ default: (await import("./search-dialog.tsx")).SearchDialog });
const SearchDialog = lazy(loadDialog);

type SearchButtonProps = {
  readonly columns: ReadonlyMap<string, string>;
  /** The board has columns that find-in-page does not reach, so Ctrl+F opens this search. */
  readonly replacesFind: boolean;
  readonly onOpen: (card: string) => void;
};

export function SearchButton({ columns, replacesFind, onOpen }: SearchButtonProps) {
  const [isOpen, setOpen] = useState(false);
  // Before the first Ctrl+K, because keys that are typed while the search loads would be lost.
  useEffect(() => void loadDialog().catch(() => {}), []);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      const key = event.key.toLowerCase();
      // A second Ctrl+F reaches the browser.
      if (key === "k" || (key === "f" && replacesFind && !isOpen)) {
        event.preventDefault();
        setOpen(true);
      }
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [isOpen, replacesFind]);
  return (
    <>
      <button
        type="button"
        className="icon-button"
        aria-label={words.search.label}
        title={words.search.title}
        onClick={() => setOpen(true)}
      >
        <Icon name="search" />
      </button>
      {isOpen && (
        <Suspense fallback={null}>
          <SearchDialog columns={columns} onOpen={onOpen} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
