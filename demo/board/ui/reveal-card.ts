/** Finds the element of a card, also of one for which a large list has no element yet. */
const ASK = "board-ask-for-card";

/** Calls `ask` with the key of a card whose element is wanted. Returns a function that ends this. */
export function whenAskedFor(ask: (key: string) => void): () => void {
  const listener = (event: Event) => event instanceof CustomEvent && ask(String(event.detail));
  addEventListener(ASK, listener);
  return () => removeEventListener(ASK, listener);
}

/** Moves the focus to a card. Returns false if the card is not on the board. */
export function focusCard(key: string | null): boolean {
  const button = key === null ? null : elementOf(key)?.querySelector<HTMLElement>(".card-open");
  button?.focus({ preventScroll: true });
  button?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return Boolean(button);
}

/** Scrolls a card into view, and leaves the focus where it is. */
export function showCard(key: string): void {
  elementOf(key)?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function elementOf(key: string): Element | null {
  const find = () => document.querySelector(`.board [data-card="${CSS.escape(key)}"]`);
  const there = find();
  if (there) return there;
  dispatchEvent(new CustomEvent(ASK, { detail: key }));
  return find();
}
