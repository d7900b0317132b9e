/** A card on the board. Its title button fills it, for focus and clicks. The whole card can be dragged. */
import { memo, useState } from "react";
import { flushSync } from "react-dom";
import { card } from "../domain/card.ts";
import { Avatar } from "./avatar.tsx";
import { Icon } from "./icon.tsx";
import { InlineText } from "./inline-text.tsx";
import type { CardHandlers } from "./lift/use-lift.ts";
import { focusCard } from "./reveal-card.ts";
import { PencilMark, usePencilled } from "./pencilled.tsx";
import { CardRefusals } from "./refusals/card-refusals.tsx";
import type { ShownRefusal } from "./refusals/use-refusals.ts";
import { type CardEntry, idOf } from "./rows.ts";
import { useAct } from "./use-act.ts";
import { words } from "../words/language.ts";

type CardViewProps = {
  readonly entry: CardEntry;
  /** The number of cards before it, without the held card. -1: it is the held card. */
  readonly at: number;
  /** In a large list: its index, its distance from the list's top in CSS pixels, and the number of all. */
  readonly index: number | undefined;
  readonly top: number | undefined;
  readonly of: number | undefined;
  readonly measure: ((element: HTMLElement | null) => void) | undefined;
  /** True for the one card of its column that the Tab key reaches. */
  readonly tabStop: boolean;
  readonly held: "pointer" | "keys" | null;
  /** Names of people who have the card open, one a line. */
  readonly watchers: string;
  readonly refusals: readonly ShownRefusal[] | null;
  readonly handlers: CardHandlers;
  readonly onOpen: (key: string) => void;
  readonly onFocus: (key: string) => void;
};

export const CardView = memo(function CardView({
  entry,
  at,
  index,
  top,
  of,
  measure,
  tabStop,
  held,
  watchers,
  refusals,
  handlers,
  onOpen,
  onFocus,
}: CardViewProps) {
  const { key, row } = entry;
  const pending = usePencilled(entry.pending);
  const act = useAct();
  const [renaming, setRenaming] = useState(false);
  const id = idOf(key);
  const rename = (title: string | null, left: boolean) => {
    // Synchronously, because otherwise the next key could go to the wrong element.
    flushSync(() => setRenaming(false));
    if (!left) focusCard(key);
    if (title !== null) void act(card.command.rename(id, { title }), words.card.renamed(title));
  };
  const toggle = () =>
    void act(
      row.done ? card.command.reopen(id) : card.command.complete(id),
      row.done ? words.common.reopened : words.common.done,
    );
  const tabIndex = tabStop ? 0 : -1;
  const states = [row.done && "done", pending && "pending", refusals && "refused", held && `held by-${held}`]
    .filter(Boolean)
    .join(" ");

  return (
    <li
      className={`card ${states}`}
      ref={measure}
      data-card={key}
      data-at={at < 0 ? undefined : at}
      data-index={index}
      style={top === undefined ? undefined : { top }}
      aria-setsize={of}
      aria-posinset={index === undefined ? undefined : index + 1}
      onPointerDown={(event) => !renaming && handlers.onPointerDown(event, key)}
      onFocus={() => onFocus(key)}
    >
      <button
        type="button"
        className="note"
        aria-pressed={row.done}
        aria-label={words.card.doneOf(row.title)}
        tabIndex={tabIndex}
        onClick={toggle}
      />
      {renaming ? (
        <InlineText label={words.common.title} value={row.title} lengthMax={200} onDone={rename} />
      ) : (
        <button
          type="button"
          className="card-open"
          tabIndex={tabIndex}
          aria-describedby="card-keys"
          aria-roledescription={words.card.role}
          aria-label={[
            row.title,
            row.done && words.card.done,
            pending && words.card.unsent,
            refusals && words.card.refused,
            held === "keys" && words.card.lifted,
          ]
            .filter(Boolean)
            .join(", ")}
          onClick={() => onOpen(key)}
          onKeyDown={(event) => (event.key === "F2" ? setRenaming(true) : handlers.onKeyDown(event, key))}
          onKeyUp={(event) => event.key === " " && event.preventDefault()}
        >
          {row.title}
        </button>
      )}
      {!renaming && (
        <button
          type="button"
          className="icon-button card-rename"
          aria-label={words.card.rename(row.title)}
          tabIndex={tabIndex}
          onClick={() => setRenaming(true)}
        >
          <Icon name="edit" />
        </button>
      )}
      <CardFoot row={row} pending={pending} watchers={watchers} />
      {refusals && <CardRefusals refusals={refusals} onChosen={() => focusCard(key)} />}
    </li>
  );
});

function CardFoot({
  row,
  pending,
  watchers,
}: {
  readonly row: CardEntry["row"];
  readonly pending: boolean;
  readonly watchers: string;
}) {
  const looking = watchers === "" ? [] : watchers.split("\n");
  if (!pending && row.comments === 0 && row.description === "" && row.assignee === null && looking.length === 0)
    return null;
  return (
    <div className="card-foot">
      {pending && <PencilMark />}
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
        {looking.map((name) => (
          <Avatar key={name} name={name} title={words.people.looksHere(name)} here />
        ))}
        {row.assignee !== null && <Avatar name={row.assignee} title={words.card.assignedTo(row.assignee)} />}
      </span>
    </div>
  );
}
