import { useStatus } from "dacapo/react";
import { useFirstColumns } from "./use-first-columns.ts";

/** A board without columns: a new one, or one whose records have not arrived yet. */
export function EmptyBoard({ ready }: { readonly ready: boolean }) {
  const begin = useFirstColumns();
  const connection = useStatus((status) => status.connection);
  const position = useStatus((status) => status.position);
  const waits = connection === "offline" || connection === "paused" || connection === "stopped" || position > 0;
  if (!ready || !waits) {
    return (
      <p className="empty" role="status">
        Loading the board …
      </p>
    );
  }
  return (
    <div className="empty">
      <h2>{position > 0 ? "This board is empty" : "This board is not on this device yet"}</h2>
      <p>
        {position > 0
          ? "All columns of this board were removed."
          : "There is no connection, so this device cannot check whether the board already exists. You can start it here. If it exists, both are merged later."}
      </p>
      <button type="button" className="button primary" onClick={begin}>
        Start with three columns
      </button>
    </div>
  );
}
