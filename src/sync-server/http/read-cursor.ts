/** The cursor in a query, or null for the beginning. */
import { type Cursor, decodeCursor } from "../../core/history/record.ts";
import { HttpRefusal } from "../base/http-refusal.ts";

export function readCursor(text: string | null): Cursor | null {
  if (text === null || text === "") return null;
  const cursor = decodeCursor(text);
  if (!cursor) throw new HttpRefusal("bad-request", { message: "`after` is not a cursor" });
  return cursor;
}
