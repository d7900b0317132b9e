/** Requests a column for the cards. One commit moves them and removes the old column: all of it happens, or nothing. */
import { useLog } from "dacapo/react";
import { type FormEvent, useId } from "react";
import { card } from "../domain/card.ts";
import { column } from "../domain/column.ts";
import { cards as allCards } from "../domain/read-models.ts";
import { orderBetween } from "../order.ts";
import { Dialog } from "./dialog.tsx";
import { formText } from "./form-text.ts";
import { cardsOf } from "./lift/lift.ts";
import { type CardEntry, type ColumnEntry, idOf } from "./rows.ts";
import { useSpeech } from "./speech.tsx";
import { useAct } from "./use-act.ts";
import { words } from "../words/language.ts";

/** A commit has at most 100 commands, and one of them removes the column. */
const CARDS_MAX = 99;

type RemoveColumnProps = {
  readonly entry: ColumnEntry;
  readonly cards: readonly CardEntry[];
  readonly others: readonly ColumnEntry[];
  readonly onClose: () => void;
};

export function RemoveColumn({ entry, cards, others, onClose }: RemoveColumnProps) {
  const log = useLog();
  const act = useAct();
  const { notify } = useSpeech();
  const title = useId();
  const many = cards.length > CARDS_MAX;
  const remove = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const target = formText(event.currentTarget, "target");
    let last = cardsOf(target, log.rows(allCards).all()).at(-1)?.row.order ?? null;
    const moves = cards.map(({ key }) =>
      card.command.move(idOf(key), { column: target, order: (last = orderBetween(last, null)) }),
    );
    if (!(await act([...moves, column.command.remove(idOf(entry.key))]))) return;
    onClose();
    notify({
      text: words.column.removed(entry.row.name),
      action: { label: words.column.undo, run: () => void restore(target) },
    });
  };
  /** Also returns its cards, except those that someone moved or archived since. */
  const restore = (target: string) => {
    const still = new Set(cardsOf(target, log.rows(allCards).all()).map(({ key }) => key));
    const moves = cards
      .filter(({ key }) => still.has(key))
      .map(({ key, row }) => card.command.move(idOf(key), { column: row.column, order: row.order }));
    return act([column.command.restore(idOf(entry.key)), ...moves], words.column.restored(entry.row.name));
  };
  return (
    <Dialog label={words.column.removeLabel(entry.row.name)} className="ask" onClose={onClose}>
      <form onSubmit={(event) => void remove(event)}>
        <h2 id={title}>{words.column.removeHead(entry.row.name)}</h2>
        {many && <p>{words.column.tooMany(CARDS_MAX)}</p>}
        {!many && cards.length > 0 && (
          <label className="field">
            {words.column.moveCards(cards.length)}
            <select name="target">
              {others.map(({ key, row }) => (
                <option key={key} value={idOf(key)}>
                  {row.name}
                </option>
              ))}
            </select>
          </label>
        )}
        <div className="row end">
          <button type="button" className="button" onClick={onClose}>
            {words.common.cancel}
          </button>
          <button type="submit" className="button danger" disabled={many}>
            {words.common.remove}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
