import { useStatus } from "dacapo/react";
import { useFirstColumns } from "./use-first-columns.ts";

/** A board without columns: one that is new, or one that has not arrived yet. */
export function EmptyBoard({ ready }: { readonly ready: boolean }) {
  const begin = useFirstColumns();
  const connection = useStatus((status) => status.connection);
  const position = useStatus((status) => status.position);
  const waits = connection === "offline" || connection === "paused" || connection === "stopped" || position > 0;
  if (!ready || !waits) {
    return (
      <p className="empty" role="status">
        Looking for what is on this board …
      </p>
    );
  }
  return (
    <div className="empty">
      <h2>{position > 0 ? "Nothing here any more" : "A board for later"}</h2>
      <p>
        {position > 0
          ? "All columns of this board were removed."
          : "There is no connection, so nobody knows whether others have begun this board. You can begin it here: whatever they did is put together with yours later."}
      </p>
      <button type="button" className="button primary" onClick={begin}>
        Begin with three columns
      </button>
    </div>
  );
}
