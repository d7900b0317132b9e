/**
 * Moving cards with a pointer and with keys.
 *
 * Keys on a card: arrow keys go from card to card. Space lifts the card. Then arrow keys move it, Space or Enter puts
 * it down, and Escape puts it back.
 */
import { useLog } from "dacapo/react";
import {
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { card } from "../../domain/card.ts";
import { cards } from "../../domain/read-models.ts";
import { focusCard } from "../reveal-card.ts";
import { idOf } from "../rows.ts";
import { useSpeech } from "../speech.tsx";
import { useAct } from "../use-act.ts";
import { keepFingersFromScrolling, startDrag } from "./drag.ts";
import { cardsOf, isAtHome, type Lift, placeOf } from "./lift.ts";
import { neighbour, step } from "./step.ts";
import { words } from "../../words/language.ts";

export type CardHandlers = {
  readonly onPointerDown: (event: PointerEvent<HTMLElement>, key: string) => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>, key: string) => void;
};

export type ColumnPlace = { readonly id: string; readonly name: string };

export function useLift(
  board: RefObject<HTMLElement | null>,
  columns: readonly ColumnPlace[],
): { readonly lift: Lift | null; readonly handlers: CardHandlers } {
  const log = useLog();
  const act = useAct();
  const { announce } = useSpeech();
  const [lift, setLift] = useState<Lift | null>(null);
  // A ref, because handlers of a drag live longer than a render and must read the current values.
  const now = useRef({ lift, columns });
  useLayoutEffect(() => {
    now.current = { lift, columns };
  });
  const change = useCallback((next: Lift | null) => {
    now.current = { ...now.current, lift: next };
    setLift(next);
  }, []);

  const nameOf = useCallback(
    (column: string) => now.current.columns.find(({ id }) => id === column)?.name ?? words.common.noColumn,
    [],
  );
  const putting = useRef(false);
  const putDown = useCallback(
    async (lift: Lift) => {
      if (putting.current) return;
      const all = log.rows(cards).all();
      const entry = all.find(({ key }) => key === lift.card);
      if (entry && isAtHome(lift, all)) announce(words.lift.notMoved(entry.row.title));
      else if (entry) {
        putting.current = true;
        // Show the card at its target place until its row is there too. Otherwise it would jump back for a moment.
        await act(
          card.command.move(idOf(lift.card), placeOf(lift, all)),
          words.lift.movedTo(entry.row.title, nameOf(lift.column), lift.index + 1),
        );
        putting.current = false;
      }
      change(null);
    },
    [act, announce, change, log, nameOf],
  );

  useEffect(() => (board.current ? keepFingersFromScrolling(board.current) : undefined), [board]);
  const onPointerDown = useCallback(
    (event: PointerEvent<HTMLElement>, key: string) => {
      const around = event.currentTarget.closest<HTMLElement>(".board");
      if (!around || event.button !== 0 || !event.isPrimary || now.current.lift) return;
      startDrag(event.nativeEvent, event.currentTarget, around, {
        onLift: (place, height) => change({ card: key, by: "pointer", ...place, height }),
        onMove: (place) => now.current.lift && change({ ...now.current.lift, ...place }),
        onEnd: (drop) => {
          const { lift } = now.current;
          if (lift && drop) void putDown(lift);
          else change(null);
        },
      });
    },
    [change, putDown],
  );

  const onKeyDown = useCallback(
    (event: KeyboardEvent<HTMLElement>, key: string) => {
      const { lift, columns } = now.current;
      const all = log.rows(cards).all();
      const held = lift?.by === "keys" && lift.card === key ? lift : null;
      const ids = columns.map(({ id }) => id);
      if (event.key.startsWith("Arrow")) {
        if (held) {
          const next = step(held, event.key, ids, all);
          change(next);
          const others = cardsOf(next.column, all).filter((other) => other.key !== key);
          announce(words.lift.place(nameOf(next.column), next.index + 1, others.length + 1));
        } else focusCard(neighbour(key, event.key, ids, all));
      } else if (event.key === " ") {
        if (held) void putDown(held);
        else {
          const entry = all.find((other) => other.key === key);
          if (!entry) return;
          const index = cardsOf(entry.row.column, all).findIndex((other) => other.key === key);
          // A card without a column starts at the first column.
          const start = ids.includes(entry.row.column)
            ? { column: entry.row.column, index }
            : { column: ids[0] ?? "", index: 0 };
          change({ card: key, by: "keys", ...start, height: event.currentTarget.offsetHeight });
          announce(words.lift.lifted(entry.row.title));
        }
      } else if (held && event.key === "Enter") void putDown(held);
      else if (held && event.key === "Escape") {
        change(null);
        announce(words.lift.putBack);
      } else return;
      event.preventDefault();
    },
    [announce, change, log, nameOf, putDown],
  );

  // Move the focus, because a card that was carried into another column is another element there.
  const carried = useRef<string | null>(null);
  useLayoutEffect(() => {
    if (lift?.by === "keys") carried.current = lift.card;
    if (!carried.current) return;
    focusCard(carried.current);
    if (!lift) carried.current = null;
  }, [lift]);

  // A click elsewhere puts a card back that is held with keys.
  useEffect(() => {
    if (lift?.by !== "keys") return undefined;
    const putBack = () => change(null);
    addEventListener("pointerdown", putBack);
    return () => removeEventListener("pointerdown", putBack);
  }, [lift, change]);

  return { lift, handlers: useMemo(() => ({ onPointerDown, onKeyDown }), [onPointerDown, onKeyDown]) };
}
