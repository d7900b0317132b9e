/** Reads the cursor in a query. Null is the beginning of the log. */
import { type Cursor, decodeCursor } from "../../core/history/record.ts";
import { HttpRefusal } from "../base/http-refusal.ts";

export function readCursor(text: string | null, name: string = "after"): Cursor | null {
  if (text === null || text === "") return null;
  const cursor = decodeCursor(text);
  if (!cursor)
    throw new HttpRefusal("bad-request", {
      message: `\`${name}\` is not a cursor. Send the cursor of an earlier page, or leave it out.`,
    });
  return cursor;
}
