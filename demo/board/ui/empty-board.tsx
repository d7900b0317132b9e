import { useStatus } from "dacapo/react";
import { useFirstColumns } from "./use-first-columns.ts";
import { words } from "../words/language.ts";

/** A board without columns: a new one, or one whose records have not arrived yet. */
export function EmptyBoard({ ready }: { readonly ready: boolean }) {
  const begin = useFirstColumns();
  const connection = useStatus((status) => status.connection);
  const position = useStatus((status) => status.position);
  const waits = connection === "offline" || connection === "paused" || connection === "stopped" || position > 0;
  if (!ready || !waits) {
    return (
      <p className="empty" role="status">
        {words.board.loading}
      </p>
    );
  }
  return (
    <div className="empty">
      <h2>{position > 0 ? words.board.empty : words.board.notHere}</h2>
      <p>{position > 0 ? words.board.allRemoved : words.board.mayExist}</p>
      <button type="button" className="button primary" onClick={begin}>
        {words.board.start}
      </button>
    </div>
  );
}
