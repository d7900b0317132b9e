/**
 * `GET /logs/:log/rows/:model`: a page of rows of a read model, for a reader of the log.
 *
 * Guarantees (get-rows.test.ts):
 * - A reader gets rows only of the version that it names.
 * - The texts of the rows leave as they are stored.
 */
import { encodeCursor } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { shown } from "../base/check-arguments.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import { rowRange, type RowSelection } from "../read-models/row-range.ts";
import { meteredResponse, type ResponseBody } from "./metered-response.ts";
import { readCursor } from "./read-cursor.ts";
import { readQuery } from "./read-query.ts";
import type { RouteContext } from "./routes.ts";
import { wholeNumber } from "./whole-number.ts";

const WAIT_MS_MAX = 30_000;
const NAMES = ["prefix", "from", "to", "after", "limit", "at", "waitMs", "version", "older"];

export async function getRows(
  { admission, answering, limits, rows }: RouteContext,
  request: Request,
  log: LogName,
  name: string,
): Promise<ResponseBody> {
  const { actor } = await admission.reader(request, log);
  const query = readQuery(request, NAMES, ["key"]);
  const model = rows.models.get(name);
  if (!model) throw unknownModel(rows.models, name);
  if (model.sql)
    throw new HttpRefusal("bad-request", {
      message: "The read model has SQL tables. The server's own code reads them.",
    });
  const version = wholeNumber(query.get("version"), "version", 1);
  const older = query.get("older");
  if (older !== null && older !== "allow")
    throw new HttpRefusal("bad-request", { message: "`older` is not `allow`. Leave it out for the newest rows only." });
  const mayBeOlder = older !== null;
  if (!mayBeOlder && version !== null && version !== model.version)
    throw new HttpRefusal("rows-building", {
      message: `The server has the rows of version ${model.version}. Read them, or wait for another release.`,
    });
  const range = rowRange(selectionOf(query), limits.frameBytesMax);
  if (typeof range === "string") throw new HttpRefusal("bad-request", { message: `The query is not valid: ${range}.` });
  const at = readCursor(query.get("at"), "at");
  const waitMs = Math.min(wholeNumber(query.get("waitMs"), "waitMs", 0) ?? 0, WAIT_MS_MAX);
  const read = await rows.reader.read(log, model, { range, at, waitMs, mayBeOlder });
  if (read.kind !== "page") throw new HttpRefusal(read.kind);
  const entries = read.rows.map(({ key, text }) => `{"key":${JSON.stringify(key)},"row":${text}}`);
  const cursor = read.at === null ? null : encodeCursor(read.at);
  const facts = JSON.stringify({ identity: read.identity, at: cursor, next: read.next, parked: read.parked });
  return meteredResponse(request, `${facts.slice(0, -1)},"rows":[${entries.join(",")}]}`, answering.of(actor));
}

/** Readers may know the names of the models, because they may read the rows of all. */
function unknownModel(models: ReadonlyMap<string, ReadModel>, name: string): HttpRefusal {
  const known = [...models.values()].flatMap(({ name: one, sql }) => (sql ? [] : [one]));
  const message = `The server has no read model ${shown(name)}. Those with rows are ${known.join(", ") || "none"}.`;
  return new HttpRefusal("not-found", { message });
}

function selectionOf(query: URLSearchParams): RowSelection {
  const keys = query.getAll("key");
  const [prefix, from, to, after] = [query.get("prefix"), query.get("from"), query.get("to"), query.get("after")];
  const limit = wholeNumber(query.get("limit"), "limit", 1);
  return {
    ...(keys.length > 0 && { keys }),
    ...(prefix !== null && { prefix }),
    ...(from !== null && { from }),
    ...(to !== null && { to }),
    ...(after !== null && { after }),
    ...(limit !== null && { limit }),
  };
}
