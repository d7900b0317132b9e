/** Opens the search over cards: by its button, and by Ctrl+K. */
import { useEffect, useState } from "react";
import { Icon } from "../icon.tsx";
import { words } from "../../words/language.ts";

type SearchDialog = typeof import("./search-dialog.tsx").SearchDialog;

type SearchButtonProps = {
  readonly columns: ReadonlyMap<string, string>;
  /** The board has columns that find-in-page does not reach, so Ctrl+F opens this search. */
  readonly replacesFind: boolean;
  readonly onOpen: (card: string) => void;
};

export function SearchButton({ columns, replacesFind, onOpen }: SearchButtonProps) {
  const [isOpen, setOpen] = useState(false);
  const [Search, setSearch] = useState<{ readonly Dialog: SearchDialog } | null>(null);
  useEffect(() => {
    // After the board, because a board opens without its search, and before the first Ctrl+K. `lazy` of React would
    // show the dialog 0.3 s late, and keys that are typed meanwhile would be lost.
    import("./search-dialog.tsx").then(
      ({ SearchDialog }) => setSearch({ Dialog: SearchDialog }),
      () => {},
    );
  }, []);
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
      {isOpen && Search && <Search.Dialog columns={columns} onOpen={onOpen} onClose={() => setOpen(false)} />}
    </>
  );
}
