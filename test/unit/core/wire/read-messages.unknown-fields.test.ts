// Unknown fields change nothing, because a page of last week must be able to use the server of today.
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  parseClientFrame,
  parseCommit,
  parsePage,
  parsePushAnswer,
  parsePushEnvelope,
  parseRecords,
  parseServerFrame,
  parseWireError,
} from "../../../../src/core/wire/read-messages.ts";

/** The examples of docs/protocol.md by their name. */
async function examples(): Promise<ReadonlyMap<string, unknown>> {
  const page = await readFile(new URL("../../../../docs/protocol.md", import.meta.url), "utf8");
  return new Map(
    [...page.matchAll(/```json (\S+)\n([\s\S]*?)```/g)].map(([, name = "", text = ""]) => [name, JSON.parse(text)]),
  );
}

/** The same value with a field of a later version in each object. Free JSON stays as it is. */
function withMore(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMore);
  if (typeof value !== "object" || value === null) return value;
  const known = Object.entries(value).map(([name, one]: [string, unknown]) => [
    name,
    ["data", "input", "meta"].includes(name) ? one : withMore(one),
  ]);
  return { ...Object.fromEntries(known), later: { of: ["a", "later", "version"] } };
}

test("P25 read-messages: ignores fields of a later version, at every depth", async () => {
  const known = await examples();
  const [commit, record, answer, push] = ["commit", "record", "push-answer", "push"].map((name) => known.get(name));
  const presence = { client: "0193a1cf-0d55-7b0e-9d01-77a1c2b3d4e5", actor: "ada", data: { card: 1 } };
  const page = { after: null, records: [record], cursor: "1-9f2c4e01aa37bd55", head: 1, more: false };
  const said: readonly (readonly [(text: string) => unknown, unknown])[] = [
    [(text) => parseCommit(JSON.parse(text)), commit],
    [(text) => parseRecords(JSON.parse(text)), [record]],
    [parsePushEnvelope, push],
    [parsePushAnswer, answer],
    [parsePage, page],
    [parseServerFrame, { type: "records", ...page }],
    [parseServerFrame, { type: "head", head: 3 }],
    [parseServerFrame, { type: "presence", set: [presence], gone: [] }],
    [parseServerFrame, { type: "bye", code: "restarting", retryAfterMs: 100 }],
    [parseClientFrame, { type: "presence", client: presence.client, data: presence.data }],
    [parseWireError, { error: { code: "gone", message: "Gone", retry: "never" } }],
  ];
  for (const [read, value] of said) {
    const plain = read(JSON.stringify(value));
    expect(plain).toMatchObject({ ok: true });
    expect(read(JSON.stringify(withMore(value)))).toEqual(plain);
  }
});
