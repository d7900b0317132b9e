/**
 * One drag with a mouse or a finger, from the first touch to the end. It uses plain DOM: React gets only the target.
 *
 * A mouse lifts a card after some pixels, a finger after a moment of rest, so that a swipe still scrolls.
 */
import { firstFrom } from "./first-from.ts";
import { scrollNearEdges } from "./scroll-near-edges.ts";

export type DragPlace = { readonly column: string; readonly index: number };

type DragEvents = {
  readonly onLift: (place: DragPlace, height: number) => void;
  readonly onMove: (place: DragPlace) => void;
  /** `drop` is false if the drag was cancelled. */
  readonly onEnd: (drop: boolean) => void;
};

const MOUSE_SLOP_PX = 5;
const TOUCH_SLOP_PX = 10;
const TOUCH_REST_MS = 230;
const SETTLE_MS = 160;

export function startDrag(down: PointerEvent, card: HTMLElement, board: HTMLElement, events: DragEvents): void {
  const ended = new AbortController();
  const { signal } = ended;
  const touch = down.pointerType !== "mouse";
  const start = { x: down.clientX, y: down.clientY };
  let at = start;
  let ghost: HTMLElement | null = null;
  let place: DragPlace | null = null;
  let frame = 0;

  const lift = () => {
    if (ghost || signal.aborted) return;
    const box = card.getBoundingClientRect();
    ghost = ghostOf(card, box);
    place = placeUnder(board, at, card);
    board.dataset["dragging"] = "";
    if (touch) navigator.vibrate?.(10);
    events.onLift(place ?? { column: "", index: 0 }, box.height);
    frame = requestAnimationFrame(follow);
  };
  const follow = () => {
    if (!ghost) return;
    ghost.style.translate = `${at.x - start.x}px ${at.y - start.y}px`;
    scrollNearEdges(board, at);
    const next = placeUnder(board, at, card);
    if (next && (next.column !== place?.column || next.index !== place.index)) events.onMove((place = next));
    frame = requestAnimationFrame(follow);
  };
  const end = (drop: boolean) => {
    if (signal.aborted) return;
    ended.abort();
    clearTimeout(resting);
    cancelAnimationFrame(frame);
    if (!ghost) return;
    delete board.dataset["dragging"];
    swallowClick();
    settle(ghost, drop ? board.querySelector(".gap") : card);
    events.onEnd(drop);
  };

  const resting = setTimeout(() => touch && lift(), TOUCH_REST_MS);
  const onMove = (event: PointerEvent) => {
    if (event.pointerId !== down.pointerId) return;
    at = { x: event.clientX, y: event.clientY };
    const far = Math.hypot(at.x - start.x, at.y - start.y);
    if (!ghost && !touch && far > MOUSE_SLOP_PX) lift();
    if (!ghost && touch && far > TOUCH_SLOP_PX) end(false);
  };
  addEventListener("pointermove", onMove, { signal });
  addEventListener("pointerup", (event) => event.pointerId === down.pointerId && end(true), { signal });
  addEventListener("pointercancel", (event) => event.pointerId === down.pointerId && end(false), { signal });
  addEventListener("blur", () => end(false), { signal });
  addEventListener("keydown", (event) => event.key === "Escape" && end(false), { signal, capture: true });
  // Cancel for a touch that stops a scrolling list, because the browser will scroll whatever the page does.
  card.addEventListener("touchstart", ({ cancelable }) => cancelable || end(false), { signal, passive: true });
  // A finger that holds a card must not open the browser's own menu.
  addEventListener("contextmenu", (event) => touch && event.preventDefault(), { signal });
}

/**
 * Stops scrolling while a finger holds a card. Call it once for each board, before any touch, because a browser decides
 * at the first touch whether it waits for the page's listeners.
 */
export function keepFingersFromScrolling(board: HTMLElement): () => void {
  const hold = (event: TouchEvent) => {
    if (board.dataset["dragging"] !== undefined && event.cancelable) event.preventDefault();
  };
  board.addEventListener("touchmove", hold, { passive: false });
  return () => board.removeEventListener("touchmove", hold);
}

/** The gap under a point: the nearest column, and the number of its cards whose middle is above the point. */
function placeUnder(
  board: HTMLElement,
  at: { readonly x: number; readonly y: number },
  card: HTMLElement,
): DragPlace | null {
  let nearest: { readonly element: HTMLElement; readonly distance: number } | null = null;
  for (const element of board.querySelectorAll<HTMLElement>("[data-column]")) {
    const { left, right } = element.getBoundingClientRect();
    const distance = Math.max(left - at.x, at.x - right, 0);
    if (!nearest || distance < nearest.distance) nearest = { element, distance };
  }
  const column = nearest?.element.dataset["column"];
  if (!nearest || column === undefined) return null;
  // Without the held card, the cards that have an element are ordered from top to bottom.
  const others = [...nearest.element.querySelectorAll<HTMLElement>(".cards > [data-at]")].filter(
    (other) => other !== card,
  );
  const next = firstFrom(others, (other) => {
    const { top, height } = other.getBoundingClientRect();
    return top + height / 2 >= at.y;
  });
  const [before, after] = [others[next - 1], others[next]];
  return { column, index: after ? numberOf(after) : before ? numberOf(before) + 1 : 0 };
}

/** The number of other cards before this one in its column. */
function numberOf(card: HTMLElement): number {
  return Number(card.dataset["at"]);
}

function ghostOf(card: HTMLElement, box: DOMRect): HTMLElement {
  const ghost = card.cloneNode(true);
  if (!(ghost instanceof HTMLElement)) throw new Error("A card is an element");
  ghost.removeAttribute("data-card");
  ghost.setAttribute("aria-hidden", "true");
  ghost.inert = true;
  ghost.classList.add("ghost");
  Object.assign(ghost.style, {
    left: `${box.left}px`,
    top: `${box.top}px`,
    width: `${box.width}px`,
    height: `${box.height}px`,
  });
  document.body.append(ghost);
  return ghost;
}

/** Lets the ghost glide to the card's new place, and removes it. */
function settle(ghost: HTMLElement, target: Element | null): void {
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const to = target?.getBoundingClientRect();
  if (!to || reduced || to.width === 0) return ghost.remove();
  const from = ghost.getBoundingClientRect();
  const [x, y] = ghost.style.translate.split(" ").map(Number.parseFloat);
  const translate = `${(x ?? 0) + to.left - from.left}px ${(y ?? 0) + to.top - from.top}px`;
  const gone = ghost.animate([{}, { translate, rotate: "0deg" }], { duration: SETTLE_MS, easing: "ease-out" });
  gone.onfinish = gone.oncancel = () => ghost.remove();
}

/** Ignores the click after a drag, because the person did not mean it. */
function swallowClick(): void {
  const stop = new AbortController();
  addEventListener(
    "click",
    (event) => {
      event.stopPropagation();
      event.preventDefault();
    },
    { signal: stop.signal, capture: true },
  );
  setTimeout(() => stop.abort(), 0);
}
