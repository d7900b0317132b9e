import { CardList, type CardProps } from "./card-list.tsx";
import type { Lift } from "./lift/lift.ts";
import type { CardEntry } from "./rows.ts";
import { words } from "../words/language.ts";

/** Cards without a column. One person removed the column while another moved the cards into it. */
export function StrayCards({
  rows,
  lift,
  ...cardProps
}: CardProps & { readonly rows: readonly CardEntry[]; readonly lift: Lift | null }) {
  const ours = lift && rows.some(({ key }) => key === lift.card) ? lift : null;
  return (
    <section className="column stray" aria-label={words.board.strays}>
      <header className="column-head">
        <h2>{words.board.stray}</h2>
        <span className="count">{rows.length}</span>
      </header>
      <p className="hint">{words.board.strayHint}</p>
      <CardList rows={rows} column="" lift={ours} carried={null} {...cardProps} />
    </section>
  );
}
