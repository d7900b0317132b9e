/** Reads a log as a client does: every page through the protocol's reader. */
import { parsePage } from "../../src/core/wire/read-messages.ts";
import { type CommitRecord, encodeCursor } from "../../src/core/history/record.ts";

/** Returns all records. Throws an error that names an invalid page. */
export async function readableLog(url: string, log: string, actor: string): Promise<readonly CommitRecord[]> {
  const records: CommitRecord[] = [];
  for (let query = ""; ;) {
    const response = await fetch(`${url}/logs/${log}/records${query}`, {
      headers: { authorization: `Bearer ${actor}` },
    });
    const text = await response.text();
    const page = parsePage(text);
    if (!page.ok)
      throw new Error(`A page is invalid (${response.status}): ${page.problem.path.join(".")} ${page.problem.reason}`);
    records.push(...page.value.records);
    if (!page.value.more || page.value.cursor === null) return records;
    query = `?after=${encodeCursor(page.value.cursor)}`;
  }
}
