/**
 * Streams a log as an archive to a person who may read it, in the form of `src/core/wire/archive.ts`.
 *
 * Guarantees (archive.export-import.test.ts):
 * - At most one page is in memory, counted as a share. The next page is read only after the reader has taken the one
 *   before.
 * - Records leave as the stored texts (S7).
 * - It has no kept outcomes, because they are answers to other people (A4).
 * - The archive ends at the end that the log had when the export began.
 * - If the log changes, or the right to read it ends, the last line is missing. Every reader notices by that.
 */
import type { MemoryShare } from "../base/memory-budget.ts";
import type { Env } from "../base/env.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { Step } from "../base/observer.ts";
import { RIGHTS_MS, type ServerLimits } from "../base/limits.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { LogName } from "../../core/values/ids.ts";
import { archivePieces } from "./archive-pieces.ts";

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
  /** Starts the step of this export, which ends with its stream. */
  readonly begin: () => Step;
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
  const step = context.begin();
  const utf8 = new TextEncoder();
  let bytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = first ?? (await pieces.next());
          first = null;
          if (!done && value !== undefined) {
            const piece = utf8.encode(value);
            bytes += piece.byteLength;
            return controller.enqueue(piece);
          }
          controller.close();
          step.set({ bytes });
          step.end();
        } catch (error) {
          step.end(error);
          if (!(error instanceof HttpRefusal)) context.report(error);
          // The reader learns only that the export broke off. The reason goes to the operator.
          controller.error(new Error("The export was cut short. Request it again."));
        }
        share.release();
      },
      async cancel() {
        share.release();
        step.set({ bytes });
        step.cancel();
        await pieces.return();
      },
    },
    // Without this, the stream would read a page before its reader wants it.
    { highWaterMark: 0 },
  );
}

async function* exportPieces({ store, log, limits, env, checkReader }: ExportContext): AsyncGenerator<string, void> {
  let checkedAt = env.now();
  const pieces = archivePieces(store, log, {
    page: { events: limits.pageEventsMax, bytes: limits.frameBytesMax },
    beforePage: async () => {
      const now = env.now();
      if (now - checkedAt < RIGHTS_MS) return;
      checkedAt = now;
      await checkReader();
    },
  });
  for await (const { text } of pieces) yield text;
}
