/** An open card: its details and its history. */
import { useLog, useRow } from "dacapo/react";
import { useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { card } from "../domain/card.ts";
import { cards } from "../domain/read-models.ts";
import { orderBetween } from "../order.ts";
import { CardHistory } from "./card-history.tsx";
import { Comments } from "./comments.tsx";
import { Description } from "./description.tsx";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icon.tsx";
import { InlineText } from "./inline-text.tsx";
import type { ColumnPlace } from "./lift/use-lift.ts";
import { cardsOf } from "./lift/lift.ts";
import { Pencilled } from "./pencilled.tsx";
import { CardRefusals } from "./refusals/card-refusals.tsx";
import type { ShownRefusal } from "./refusals/use-refusals.ts";
import { type CardEntry, idOf } from "./rows.ts";
import { useSpeech } from "./speech.tsx";
import { Time } from "./time.tsx";
import { useAct } from "./use-act.ts";
import { useReadDraft } from "./use-draft.ts";
import { usePeople } from "./use-people.ts";
import { words } from "../words/language.ts";

type CardPanelProps = {
  readonly card: string;
  readonly columns: readonly ColumnPlace[];
  /** Refused changes of this card. */
  readonly refusals: readonly ShownRefusal[];
  readonly onOpen: (card: string) => void;
  readonly onClose: () => void;
};

export function CardPanel({ card: key, columns, refusals, onOpen, onClose }: CardPanelProps) {
  const entry = useRow(cards, key);
  const { notify } = useSpeech();
  const [view, setView] = useState<"card" | "history">("card");
  const readDraft = useReadDraft();
  const gone = entry === undefined;
  useEffect(() => {
    if (gone) onClose();
  }, [gone, onClose]);
  // Remove the last notice, because the panel would cover it.
  useEffect(() => notify(null), [notify]);
  const act = useAct();
  if (!entry) return null;
  const archive = async () => {
    const { title } = entry.row;
    if (!(await act(card.command.archive(idOf(key))))) return;
    notify({
      text: words.card.archived(title),
      action: {
        label: words.card.undo,
        run: () => void act(card.command.restore(idOf(key)), words.card.restored(title)),
      },
    });
  };
  const close = () => {
    const described = readDraft(`${key} description`);
    // A description without a conflict is saved when the panel closes.
    const hasConflict = described !== null && ![described.over, described.text].includes(entry.row.description);
    if (readDraft(`${key} comment`) || hasConflict) {
      notify({
        text: words.card.draftKept(entry.row.title),
        action: { label: words.card.continue, run: () => onOpen(key) },
      });
    }
    onClose();
  };
  return (
    <Dialog label={entry.row.title} className="panel" onClose={close}>
      <header className="panel-head">
        <div className="tabs" role="group" aria-label={words.card.view}>
          <button type="button" aria-pressed={view === "card"} onClick={() => setView("card")}>
            {words.card.card}
          </button>
          <button type="button" aria-pressed={view === "history"} onClick={() => setView("history")}>
            {words.card.history}
          </button>
        </div>
        {view === "card" && (
          <button type="button" className="button quiet" onClick={() => void archive()}>
            <Icon name="archive" /> {words.card.archive}
          </button>
        )}
        <button
          type="button"
          className="icon-button"
          aria-label={words.common.close}
          onClick={(event) => event.currentTarget.closest("dialog")?.close()}
        >
          <Icon name="close" />
        </button>
      </header>
      {refusals.length > 0 && <CardRefusals refusals={refusals} onChosen={focusPanel} />}
      {view === "card" ? <CardDetails entry={entry} columns={columns} /> : <CardHistory card={key} changed={entry} />}
    </Dialog>
  );
}

/** The first tab is the place after a choice, because it is there in both views. */
function focusPanel(): void {
  document.querySelector<HTMLElement>("dialog.panel .tabs button")?.focus();
}

function CardDetails({ entry, columns }: { readonly entry: CardEntry; readonly columns: readonly ColumnPlace[] }) {
  const { key, row, pending } = entry;
  const log = useLog();
  const act = useAct();
  const people = usePeople();
  const [renaming, setRenaming] = useState(false);
  const id = idOf(key);
  const titleButton = useRef<HTMLButtonElement>(null);
  const rename = (title: string | null, left: boolean) => {
    flushSync(() => setRenaming(false));
    if (!left) titleButton.current?.focus();
    if (title !== null) void act(card.command.rename(id, { title }), words.card.renamed(title));
  };
  const move = (column: string) => {
    const last = cardsOf(column, log.rows(cards).all()).at(-1)?.row.order ?? null;
    void act(card.command.move(id, { column, order: orderBetween(last, null) }), words.card.moved);
  };
  return (
    <div className="panel-body">
      <div className="panel-title">
        <button
          type="button"
          className="note"
          aria-pressed={row.done}
          aria-label={words.common.done}
          onClick={() =>
            void act(
              row.done ? card.command.reopen(id) : card.command.complete(id),
              row.done ? words.common.reopened : words.common.done,
            )
          }
        />
        {renaming ? (
          <InlineText label={words.common.title} value={row.title} lengthMax={200} onDone={rename} />
        ) : (
          <h2 className={row.done ? "done" : ""}>
            <button
              ref={titleButton}
              type="button"
              className="as-text"
              title={words.common.rename}
              onClick={() => setRenaming(true)}
            >
              {row.title}
            </button>
          </h2>
        )}
      </div>
      <p className="panel-meta">
        <span>
          {words.card.changedBy(row.changedBy)}
          <Time at={row.changedAt} />
        </span>
        <Pencilled pending={pending} />
      </p>
      <div className="fields">
        <label className="field">
          {words.card.column}
          <select value={row.column} onChange={(event) => move(event.target.value)}>
            {!columns.some((column) => column.id === row.column) && (
              <option value={row.column}>{words.card.none}</option>
            )}
            {columns.map((column) => (
              <option key={column.id} value={column.id}>
                {column.name}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          {words.card.assignee}
          <select
            value={row.assignee ?? ""}
            onChange={(event) =>
              void act(card.command.assign(id, { to: event.target.value || null }), words.card.assigned)
            }
          >
            <option value="">{words.card.nobody}</option>
            {[...new Set([...people, ...(row.assignee === null ? [] : [row.assignee])])].map((name) => (
              <option key={name} value={name}>
                {name === log.user ? words.people.you(name) : name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Description id={id} description={row.description} />
      <Comments stream={key} />
    </div>
  );
}
