/** The texts of a conflict: the one that the person saw, the one that is there now, and the person's own. */
import type { ConflictTexts } from "./use-refusals.ts";
import { words } from "../../words/language.ts";

export function Conflict({ texts: { seen, mine, now, by } }: { readonly texts: ConflictTexts }) {
  return (
    <dl className="conflict">
      {seen !== null && (
        <div>
          <dt>{words.refusals.youSaw}</dt>
          <dd>{shown(seen)}</dd>
        </div>
      )}
      <div>
        <dt>{words.refusals.wrote(by)}</dt>
        <dd>{shown(now)}</dd>
      </div>
      <div className="mine">
        <dt>{words.refusals.youWrote}</dt>
        <dd>{shown(mine)}</dd>
      </div>
    </dl>
  );
}

function shown(text: string): string {
  return text === "" ? words.refusals.nothing : text;
}
