// Fills a log of the demo board.
import { appendEvents } from "./append-events.ts";

const COLUMNS = ["todo", "doing", "done"];

/** Eight of ten cards are in the first column. */
export async function fillBoard(file: string, log: string, cards: number): Promise<void> {
  await appendEvents(file, log, COLUMNS.length + cards, (position) => {
    const column = COLUMNS[position - 1];
    if (column !== undefined) {
      const data = { name: column, order: String(position) };
      return { type: "ColumnAdded", stream: `board-column/${column}`, data };
    }
    const n = position - COLUMNS.length;
    const data = {
      title: `Card ${n} of a large board`,
      column: COLUMNS[Math.max(0, ((n - 1) % 10) - 7)] ?? "todo",
      order: `${String(n).padStart(8, "0")}V`,
    };
    return { type: "CardAdded", stream: `card/c${n}`, data };
  });
}
