/**
 * Streams a log as an archive, in the form of `src/core/wire/archive.ts`.
 *
 * Guarantees (archive.export-import.test.ts):
 * - At most one page is in memory, counted as a share. The next page is read only after the reader has taken the one
 *   before.
 * - Records leave as the stored texts (S7).
 * - The archive ends at the end that the log had when the export began.
 * - If the log changes, or the right to read it ends, the last line is missing. Every reader notices by that.
 */
import { endLine, headerLine, recordLine } from "../../core/wire/archive.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { MemoryShare } from "../base/memory-budget.ts";
import type { Env } from "../base/env.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import { RIGHTS_MS, type ServerLimits } from "../base/limits.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { LogName } from "../../core/values/ids.ts";

export type ExportContext = {
  readonly store: EventStore;
  readonly log: LogName;
  readonly limits: ServerLimits;
  readonly env: Env;
  /** The actor's share of the memory for responses. The export holds one page of it until it ends. */
  readonly share: MemoryShare;
  /** Throws if the reader may no longer read the log. */
  readonly checkReader: () => Promise<void>;
  readonly report: (error: unknown) => void;
};

/**
 * Returns the archive as a stream of whole lines. Throws `gone` for a dropped log, and `overloaded` without room for a
 * page. The receiver must read the stream or cancel it, because otherwise its share is never released.
 */
export async function exportLog(context: ExportContext): Promise<ReadableStream<Uint8Array>> {
  const { limits, share } = context;
  const pieces = exportPieces(context);
  let first: IteratorResult<string, void> | null = await pieces.next();
  share.reserve(limits.frameBytesMax);
  const utf8 = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = first ?? (await pieces.next());
          first = null;
          if (!done && value !== undefined) return controller.enqueue(utf8.encode(value));
          controller.close();
        } catch (error) {
          if (!(error instanceof HttpRefusal)) context.report(error);
          // The reader learns only that the export broke off. The reason goes to the operator.
          controller.error(new Error("The export was cut short. Request it again."));
        }
        share.release();
      },
      async cancel() {
        share.release();
        await pieces.return();
      },
    },
    // Without this, the stream would read a page before its reader wants it.
    { highWaterMark: 0 },
  );
}

async function* exportPieces({ store, log, limits, env, checkReader }: ExportContext): AsyncGenerator<string, void> {
  let checkedAt = env.now();
  const head = await store.head(log);
  if (head.kind === "gone") throw new HttpRefusal("gone");
  const end = head.kind === "open" ? head.cursor : null;
  yield `${headerLine(log, end)}\n`;

  let after: Cursor | null = null;
  let count = 0;
  while (positionOf(after) < positionOf(end)) {
    const now = env.now();
    if (now - checkedAt >= RIGHTS_MS) {
      checkedAt = now;
      await checkReader();
    }
    const page = await store.read(log, after, { events: limits.pageEventsMax, bytes: limits.frameBytesMax });
    const records = page.kind === "page" ? page.records.filter(({ cursor }) => cursor.position <= positionOf(end)) : [];
    const last = records.at(-1);
    if (!last) throw new Error(`The log ${log} changed under its export`);
    after = last.cursor;
    count += records.length;
    yield records.map(({ text }) => `${recordLine(text)}\n`).join("");
  }
  if (!sameCursor(after, end)) throw new Error(`The log ${log} changed under its export`);
  yield `${endLine(count, 0)}\n`;
}
