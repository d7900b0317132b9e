/** Lets cards glide to their new place when a person moves them, on any device. */
import { type RefObject, useLayoutEffect, useRef } from "react";

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
    for (const card of around.querySelectorAll<HTMLElement>("[data-card]")) {
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
