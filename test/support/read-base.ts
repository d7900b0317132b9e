/** Reads a base as a device does: the header, then each page, from the answers of a server. */
import type { PackedTable } from "../../src/core/fold/packed-tables.ts";
import { encodeCursor } from "../../src/core/history/record.ts";
import type { BaseHeader } from "../../src/core/wire/messages.ts";
import { parseBaseHeader } from "../../src/core/wire/read-messages.ts";
import { readPages } from "../../src/sync-server/bases/base-pages.ts";
import type { Person } from "./sync-requests.ts";

export type ReadBase = { readonly header: BaseHeader; readonly tables: readonly PackedTable[] };

/** Null: the server has no base of the log. */
export async function readBase({ request }: Pick<Person, "request">): Promise<ReadBase | null> {
  const response = await request("base");
  if (response.status === 404) return null;
  const text = await response.text();
  const header = parseBaseHeader(text);
  if (!header.ok) throw new Error(`The header is invalid: ${response.status} ${text}`);
  const texts: string[] = [];
  for (const n of header.value.pages.keys())
    texts.push(await (await request(`base/${encodeCursor(header.value.cursor)}/${n}`)).text());
  const tables = readPages(header.value.tables, texts);
  if (!tables) throw new Error("A page is invalid");
  return { header: header.value, tables };
}

/** The buckets of all tables in one order, for a comparison of bytes. */
export function sortedBuckets(tables: readonly PackedTable[]): readonly string[] {
  return tables
    .flatMap(({ table, buckets }) => [table, ...buckets.map(({ bucket, text }) => `${table} ${bucket} ${text}`)])
    .toSorted();
}
