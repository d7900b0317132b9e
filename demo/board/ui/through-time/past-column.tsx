/** A column as it was. Nothing in it can be changed. */
import { memo, useEffect, useRef } from "react";
import { Avatar } from "../avatar.tsx";
import { SMALL_MAX } from "../card-list.tsx";
import { Icon } from "../icon.tsx";
import type { CardEntry } from "../rows.ts";
import { Staff } from "../staff.tsx";
import { words } from "../../words/language.ts";

type PastColumnProps = {
  readonly name: string;
  readonly cards: readonly CardEntry[];
  /** The card or the column that the event changed. */
  readonly touched: string | null;
  readonly isTouched: boolean;
};

export const PastColumn = memo(function PastColumn({ name, cards, touched, isTouched }: PastColumnProps) {
  const first = cards.slice(0, SMALL_MAX);
  const more = cards.length - first.length;
  const at = cards.findIndex(({ key }) => key === touched);
  return (
    <section className={isTouched ? "column touched" : "column"} aria-label={words.column.label(name, cards.length)}>
      <header className="column-head">
        <h2>{name}</h2>
        <span className="count">{words.number(cards.length)}</span>
      </header>
      <Staff cards={cards} />
      <ol className="cards">
        {first.map((entry) => (
          <PastCard key={entry.key} entry={entry} isTouched={entry.key === touched} />
        ))}
        {more > 0 && <li className="hint">{words.throughTime.more(more)}</li>}
        {at >= SMALL_MAX && cards[at] && <PastCard key={cards[at].key} entry={cards[at]} isTouched />}
      </ol>
    </section>
  );
});

function PastCard({ entry: { row }, isTouched }: { readonly entry: CardEntry; readonly isTouched: boolean }) {
  const element = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isTouched) element.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [isTouched]);
  return (
    <li
      ref={element}
      className={`card past ${row.done ? "done" : ""} ${isTouched ? "touched" : ""}`}
      aria-current={isTouched ? "step" : undefined}
    >
      <span
        className={row.done ? "note filled" : "note"}
        role="img"
        aria-label={row.done ? words.card.done : words.card.open}
      />
      <p className="card-open">{row.title}</p>
      {(row.description !== "" || row.comments > 0 || row.assignee !== null) && (
        <div className="card-foot">
          {row.description !== "" && (
            <span title={words.card.described}>
              <Icon name="text" />
            </span>
          )}
          {row.comments > 0 && (
            <span title={words.card.comments(row.comments)}>
              <Icon name="comment" /> {row.comments}
            </span>
          )}
          <span className="card-people">
            {row.assignee !== null && <Avatar name={row.assignee} title={words.card.assignedTo(row.assignee)} />}
          </span>
        </div>
      )}
    </li>
  );
}
