/** One step with an arrow key: of a held card, or of the focus from card to card. */
import type { CardEntry } from "../rows.ts";
import { cardsOf, type Lift } from "./lift.ts";

/** The place of a held card after an arrow key. At the edge it is the same place. */
export function step(lift: Lift, arrow: string, columns: readonly string[], all: readonly CardEntry[]): Lift {
  const room = (column: string) => cardsOf(column, all).filter(({ key }) => key !== lift.card).length;
  if (arrow === "ArrowUp") return { ...lift, index: Math.max(0, lift.index - 1) };
  if (arrow === "ArrowDown") return { ...lift, index: Math.min(room(lift.column), lift.index + 1) };
  const column = columns[columns.indexOf(lift.column) + (arrow === "ArrowLeft" ? -1 : 1)];
  return column === undefined ? lift : { ...lift, column, index: Math.min(room(column), lift.index) };
}

/** The card that an arrow leads to, or null. */
export function neighbour(
  from: string,
  arrow: string,
  columns: readonly string[],
  all: readonly CardEntry[],
): string | null {
  const column = all.find(({ key }) => key === from)?.row.column;
  if (column === undefined) return null;
  const here = cardsOf(column, all);
  const at = here.findIndex(({ key }) => key === from);
  if (arrow === "ArrowUp") return here[at - 1]?.key ?? null;
  if (arrow === "ArrowDown") return here[at + 1]?.key ?? null;
  const direction = arrow === "ArrowLeft" ? -1 : 1;
  // Skip columns without cards.
  for (let next = columns.indexOf(column) + direction; columns[next] !== undefined; next += direction) {
    const there = cardsOf(columns[next] ?? "", all);
    const card = there[Math.min(at, there.length - 1)];
    if (card) return card.key;
  }
  return null;
}
