import { CardList, type CardProps } from "./column-view.tsx";
import type { Lift } from "./lift/lift.ts";
import type { CardEntry } from "./rows.ts";

/** Cards whose column one person removed while another moved them there. They wait here until a person moves them. */
export function StrayCards({
  rows,
  lift,
  ...cardProps
}: CardProps & { readonly rows: readonly CardEntry[]; readonly lift: Lift | null }) {
  const ours = lift && rows.some(({ key }) => key === lift.card) ? lift : null;
  return (
    <section className="column stray" aria-label="Cards without a column">
      <header className="column-head">
        <h2>Without a column</h2>
        <span className="count">{rows.length}</span>
      </header>
      <p className="hint">Their column was removed. Move them where they belong.</p>
      <CardList rows={rows} column="" lift={ours} carried={null} {...cardProps} />
    </section>
  );
}
