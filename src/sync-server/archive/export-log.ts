/**
 * A log as an archive, streamed: `src/core/wire/archive.ts` is its form.
 *
 * Place: the answer to `GET /logs/:log/export`; `import-log` reads it.
 * Holds: no more than a page is in memory, counted as a share of what may be held, and none is read before its reader has taken the one
 * before; records leave as the texts that are stored; it ends where the log ended when it began. Where the log changes under it, or the right to read it ends, it has no
 * last line, by which every reader tells that it was cut short.
 */
import { endLine, headerLine, recordLine } from "../../core/wire/archive.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { MemoryShare } from "../base/memory-budget.ts";
import type { Env } from "../base/env.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { ServerLimits } from "../base/limits.ts";
import { RIGHTS_MS } from "../base/limits.ts";
import type { EventStore } from "../stores/event-store.ts";

export type ExportContext = {
  readonly store: EventStore;
  readonly log: string;
  readonly limits: ServerLimits;
  readonly env: Env;
  /** Of answers that were not taken yet: the export holds a page of it until it ends. */
  readonly share: MemoryShare;
  /** Throws once the reader may not read any more. */
  readonly checkReader: () => Promise<void>;
  readonly report: (error: unknown) => void;
};

/** The archive in pieces of whole lines. Throws before the first where there is no log to export. Whoever gets the stream reads or cancels it. */
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
          // Whoever reads the answer learns that it broke, and nothing else.
          controller.error(new Error("The export was cut short"));
        }
        share.release();
      },
      async cancel() {
        share.release();
        await pieces.return();
      },
    },
    // Nothing is put aside for a reader who has not asked.
    { highWaterMark: 0 },
  );
}

async function* exportPieces({ store, log, limits, env, checkReader }: ExportContext): AsyncGenerator<string, void> {
  let askedAt = env.now();
  const head = await store.head(log);
  if (head.kind === "gone") throw new HttpRefusal("gone");
  const end = head.kind === "open" ? head.cursor : null;
  yield `${headerLine(log, end)}\n`;

  let after: Cursor | null = null;
  let count = 0;
  while (positionOf(after) < positionOf(end)) {
    const now = env.now();
    if (now - askedAt >= RIGHTS_MS) {
      askedAt = now;
      await checkReader();
    }
    const page = await store.read(log, after, { events: limits.pageEventsMax, bytes: limits.frameBytesMax });
    const records = page.kind === "page" ? page.records.filter(({ cursor }) => cursor.position <= positionOf(end)) : [];
    const last = records.at(-1);
    if (!last) throw new Error("A log changed under its export");
    after = last.cursor;
    count += records.length;
    yield records.map(({ text }) => `${recordLine(text)}\n`).join("");
  }
  if (!sameCursor(after, end)) throw new Error("A log changed under its export");
  yield `${endLine(count, 0)}\n`;
}
