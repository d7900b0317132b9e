/**
 * Lets cards glide to their new place when a person moves them, on any device.
 *
 * Only cards on the screen glide, because 5,000 animations would stop the page for seconds.
 */
import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import { firstFrom } from "./lift/first-from.ts";

type Place = { readonly x: number; readonly y: number };

const GLIDE_MS = 220;

/** @param held the card that the person drags, which must not glide */
export function useGlide(board: RefObject<HTMLElement | null>, held: string | null, when: unknown): void {
  const places = useRef<ReadonlyMap<string, Place>>(new Map());
  const heldBefore = useRef<string | null>(null);
  useLayoutEffect(() => {
    const around = board.current;
    if (!around) return;
    const before = places.current;
    const after = new Map<string, Place>();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const card of cardsOnScreen(around)) {
      const key = card.dataset["card"] ?? "";
      const place = placeIn(around, card);
      after.set(key, place);
      const from = before.get(key);
      if (!from || still || key === held || key === heldBefore.current || (from.x === place.x && from.y === place.y))
        continue;
      card.animate([{ translate: `${from.x - place.x}px ${from.y - place.y}px` }, { translate: "0 0" }], {
        duration: GLIDE_MS,
        easing: "cubic-bezier(.2,.7,.2,1)",
      });
    }
    places.current = after;
    heldBefore.current = held;
  }, [board, held, when]);

  // Scrolling shows other cards, so their places must be known before the next change.
  useEffect(() => {
    const around = board.current;
    if (!around) return undefined;
    let frame = 0;
    const remember = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        places.current = new Map(
          cardsOnScreen(around).map((card) => [card.dataset["card"] ?? "", placeIn(around, card)]),
        );
      });
    };
    // Scroll events of the columns do not bubble.
    around.addEventListener("scroll", remember, { capture: true, passive: true });
    return () => {
      cancelAnimationFrame(frame);
      around.removeEventListener("scroll", remember, { capture: true });
    };
  }, [board]);
}

/** Cards of the visible part of each list. A list is ordered from top to bottom, so a binary search finds its first. */
function cardsOnScreen(board: HTMLElement): readonly HTMLElement[] {
  return [...board.querySelectorAll<HTMLElement>(".cards")].flatMap((list) => {
    const { children } = list;
    const [top, bottom] = [list.scrollTop, list.scrollTop + list.clientHeight];
    const found: HTMLElement[] = [];
    const first = firstFrom(children, (child) => isBelow(child, top));
    for (let at = first; at < children.length; at++) {
      const child = children[at];
      if (!(child instanceof HTMLElement) || child.offsetTop > bottom) break;
      if (child.dataset["card"] !== undefined) found.push(child);
    }
    return found;
  });
}

function isBelow(child: Element, top: number): boolean {
  return !(child instanceof HTMLElement) || child.offsetTop + child.offsetHeight >= top;
}

/** Returns a position that is independent of scrolling and of running animations. */
function placeIn(board: HTMLElement, card: HTMLElement): Place {
  let [x, y] = [0, 0];
  for (let at: Element | null = card; at instanceof HTMLElement && at !== board; at = at.offsetParent) {
    x += at.offsetLeft;
    y += at.offsetTop;
  }
  return { x, y };
}
