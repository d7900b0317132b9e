/** The texts of a conflict: the one that the person saw, the one that is there now, and the person's own. */
import type { ConflictTexts } from "./use-refusals.ts";

export function Conflict({ texts: { seen, mine, now, by } }: { readonly texts: ConflictTexts }) {
  return (
    <dl className="conflict">
      {seen !== null && (
        <div>
          <dt>You saw</dt>
          <dd>{shown(seen)}</dd>
        </div>
      )}
      <div>
        <dt>{by} wrote</dt>
        <dd>{shown(now)}</dd>
      </div>
      <div className="mine">
        <dt>You wrote</dt>
        <dd>{shown(mine)}</dd>
      </div>
    </dl>
  );
}

function shown(text: string): string {
  return text === "" ? "nothing" : text;
}
