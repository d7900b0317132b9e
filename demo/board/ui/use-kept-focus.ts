/** Keeps the focus on the board, because a browser drops it when the focused element leaves the page. */
import { useLog } from "dacapo/react";
import { type RefObject, useEffect, useRef } from "react";
import { cards } from "../domain/read-models.ts";
import { cardsOf } from "./lift/lift.ts";
import { focusCard } from "./reveal-card.ts";

/**
 * After the focused card, column or panel is gone, focuses the card, one beside it, or the board.
 *
 * @param open the card whose panel is open
 */
export function useKeptFocus(board: RefObject<HTMLElement | null>, open: string | null): void {
  const log = useLog();
  const last = useRef<{ readonly element: Element | null; readonly cards: readonly string[] } | null>(null);
  useEffect(() => {
    const element = board.current;
    const remember = ({ target }: FocusEvent) => {
      if (!(target instanceof HTMLElement)) return;
      const key = target.closest<HTMLElement>("[data-card]")?.dataset["card"];
      last.current = { element: target, cards: key === undefined ? [] : cardAndNeighbours(key, log.rows(cards).all()) };
    };
    const forget = () => {
      // Wait, because the element is still in the page while its focus goes.
      setTimeout(() => {
        if (last.current?.element?.isConnected === true && hasNoFocus()) last.current = null;
      });
    };
    element?.addEventListener("focusin", remember);
    element?.addEventListener("focusout", forget);
    return () => {
      element?.removeEventListener("focusin", remember);
      element?.removeEventListener("focusout", forget);
    };
  }, [board, log]);
  useEffect(() => {
    if (open !== null) last.current = { element: null, cards: cardAndNeighbours(open, log.rows(cards).all()) };
  }, [log, open]);
  // After each render of the board, because each change of its rows may remove the focused element.
  useEffect(() => {
    const lost = last.current;
    if (!lost || open !== null || lost.element?.isConnected === true || !hasNoFocus()) return;
    last.current = null;
    if (!lost.cards.some(focusCard)) board.current?.focus();
  });
}

function hasNoFocus(): boolean {
  return document.activeElement === document.body;
}

function cardAndNeighbours(key: string, all: ReturnType<typeof cardsOf>): readonly string[] {
  const column = all.find((entry) => entry.key === key)?.row.column;
  const here = column === undefined ? [] : cardsOf(column, all);
  const at = here.findIndex((entry) => entry.key === key);
  return [key, here[at + 1]?.key, here[at - 1]?.key].filter((found) => found !== undefined);
}
