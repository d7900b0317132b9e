/** Commits made by hand and pushed over HTTP as text, because a client of ours could hide a mistake of the server. */
import { column, task } from "./board-domain.ts";
import { parseOwnJson } from "./own-json.ts";

export type MadeCommit = { readonly id: string; readonly text: string };
type Command = ReturnType<typeof task.command.complete>;

/** A commit of these commands by an author who has seen nothing of their streams. */
export function makeCommit(actor: string, client: string, commands: readonly Command[]): MadeCommit {
  const id = crypto.randomUUID();
  const seen = commands.map((command) => ({ ...command, seen: 0, reads: [], events: [] }));
  return { id, text: JSON.stringify({ id, client, actor, time: Date.now(), meta: null, commands: seen }) };
}

export function pushBody(after: string | null, commits: readonly MadeCommit[]): string {
  return `{"after":${JSON.stringify(after)},"domain":1,"commits":[${commits.map(({ text }) => text).join(",")}]}`;
}

export type WireOutcome = {
  readonly id: string;
  readonly outcome: string;
  readonly at?: string;
  readonly code?: string;
};
export type WireRecord = {
  readonly position: number;
  readonly mark: string;
  readonly commit: string;
  readonly actor: string;
  readonly events: readonly {
    readonly type: string;
    readonly stream: string;
    readonly version: number;
    readonly data: unknown;
  }[];
};
export type WireAnswer = {
  readonly outcomes: readonly WireOutcome[];
  readonly records: readonly WireRecord[];
  readonly cursor: string | null;
  readonly head: number;
  readonly more: boolean;
};

/** The reader's cursor after an answer, without parsing its records. Null for a text that is not an answer. */
export function cursorAfter(answer: string): string | null {
  const [, cursor] = /"cursor":"([^"]+)","head":[0-9]+,"more":(?:true|false)\}$/.exec(answer.slice(-200)) ?? [];
  return cursor ?? null;
}

/** Reads the whole log. */
export async function readLog(url: string, log: string, actor: string): Promise<readonly WireRecord[]> {
  const records: WireRecord[] = [];
  for await (const page of readPages(url, log, actor)) records.push(...page);
  return records;
}

/** Reads the whole log, page by page. */
export async function* readPages(url: string, log: string, actor: string): AsyncGenerator<readonly WireRecord[]> {
  for (let after: string | null = null; ;) {
    const query = after === null ? "" : `?after=${after}`;
    const response = await fetch(`${url}/logs/${log}/records${query}`, {
      headers: { authorization: `Bearer ${actor}` },
    });
    const body = await response.text();
    if (response.status !== 200) throw new Error(`The log cannot be read: ${response.status} ${body.slice(0, 500)}`);
    const page: WireAnswer = parseOwnJson<WireAnswer>(body);
    yield page.records;
    if (!page.more) return;
    after = page.cursor;
  }
}

export { column, task };
