/**
 * `GET /logs/:log/base` and `GET /logs/:log/base/:cursor/:n`: a base, for a device that joins the log.
 *
 * Guarantees (get-base.test.ts):
 * - Who may pull a log may read its base, and nobody else.
 * - A page is of the base with this cursor, or there is none.
 */
import { encodeCursor } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import { meteredResponse, type ResponseBody } from "./metered-response.ts";
import { readCursor } from "./read-cursor.ts";
import type { RouteContext } from "./routes.ts";
import { wholeNumber } from "./whole-number.ts";

const NONE = "The server has no such base of this log. Read the log from its beginning.";

export async function getBase(
  { admission, answering, bases, store }: RouteContext,
  request: Request,
  log: LogName,
): Promise<ResponseBody> {
  const { actor } = await admission.reader(request, log);
  const base = await bases.newest(log);
  if (base) {
    const { tables, pages } = base.notes;
    const header = JSON.stringify({ cursor: encodeCursor(base.at), tables, pages });
    return meteredResponse(request, header, answering.of(actor));
  }
  if ((await store.head(log)).kind === "gone") throw new HttpRefusal("gone");
  throw new HttpRefusal("not-found", { message: NONE });
}

export async function getBasePage(
  { admission, answering, bases }: RouteContext,
  request: Request,
  log: LogName,
  path: { readonly cursor: string; readonly n: string },
): Promise<ResponseBody> {
  const { actor } = await admission.reader(request, log);
  const cursor = readCursor(path.cursor, "cursor");
  const n = wholeNumber(path.n, "n", 0);
  const text = cursor && n !== null ? await bases.page(log, cursor, n) : null;
  if (text === null) throw new HttpRefusal("not-found", { message: NONE });
  return meteredResponse(request, text, answering.of(actor));
}
