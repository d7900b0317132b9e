/** The menu of the whole board: a link to share, the board through time, its log, and cards for a large board. */
import { randomId } from "dacapo/client";
import { useExecute, useLog } from "dacapo/react";
import { useState } from "react";
import { card } from "../domain/card.ts";
import { cards } from "../domain/read-models.ts";
import { orderBetween } from "../order.ts";
import { shareAddress } from "../session.ts";
import { cardsOf } from "./lift/lift.ts";
import { Menu } from "./menu.tsx";
import { type ColumnEntry, idOf } from "./rows.ts";
import { sayProblem } from "./say-problem.ts";
import { useSpeech } from "./speech.tsx";
import { BoardThroughTime } from "./through-time/board-through-time.tsx";
import { language, words } from "../words/language.ts";
import { sampleTitle } from "../words/sample-titles.ts";

const MANY = 10_000;
/** Commands of one commit. */
const AT_ONCE = 100;

type BoardMenuProps = {
  readonly columns: readonly ColumnEntry[];
  readonly hasLog: boolean;
  readonly onLog: (shown: boolean) => void;
};

export function BoardMenu({ columns, hasLog, onLog }: BoardMenuProps) {
  const { log } = useLog();
  const { notify } = useSpeech();
  const { add, isAdding } = useManyCards(columns);
  const [isThroughTime, setThroughTime] = useState(false);
  const share = async () => {
    const address = new URL(shareAddress(log), location.href).href;
    try {
      await navigator.clipboard.writeText(address);
      notify({ text: words.board.copied });
    } catch {
      // A page on plain http cannot write to the clipboard.
      notify({ text: words.board.link(address) });
    }
  };
  return (
    <>
      <Menu
        label={words.board.menu}
        items={[
          { label: words.board.copyLink, run: () => void share() },
          { label: words.throughTime.label, run: () => setThroughTime(true) },
          { label: hasLog ? words.log.hide : words.log.show, run: () => onLog(!hasLog) },
          { label: words.board.addMany, run: () => void add(), disabled: isAdding || columns.length === 0 },
        ]}
      />
      {isThroughTime && <BoardThroughTime onClose={() => setThroughTime(false)} />}
    </>
  );
}

/** Adds many cards to the columns in turn, a commit for each hundred. */
function useManyCards(columns: readonly ColumnEntry[]) {
  const log = useLog();
  const execute = useExecute();
  const { notify } = useSpeech();
  const [isAdding, setAdding] = useState(false);
  const add = async () => {
    setAdding(true);
    // Below the cards that are there.
    const all = log.rows(cards).all();
    const lasts = new Map<string, string | null>(
      columns.map(({ key }) => [key, cardsOf(idOf(key), all).at(-1)?.row.order ?? null]),
    );
    let added = 0;
    try {
      for (let n = 0; n < MANY; n += AT_ONCE) {
        await execute(
          Array.from({ length: AT_ONCE }, (_, at) => {
            const { key = "" } = columns[(n + at) % columns.length] ?? {};
            const order = orderBetween(lasts.get(key) ?? null, null);
            lasts.set(key, order);
            return card.command.add(randomId(), {
              title: sampleTitle(all.length + n + at, language),
              column: idOf(key),
              order,
            });
          }),
        );
        added += AT_ONCE;
      }
      notify({ text: words.board.manyAdded });
    } catch (error) {
      notify({ text: words.board.someAdded(added) + words.notices.problem(sayProblem(error)) });
    } finally {
      setAdding(false);
    }
  };
  return { add, isAdding };
}
