/**
 * An answer that is held until it is taken, as a share of what may be held.
 *
 * Holds: a large answer leaves piece by piece, as fast as its reader takes it; its share ends with it, or with the connection. A small
 * one leaves at once: it fits into what the system holds for a connection.
 */
import type { MemoryShare } from "../base/memory-budget.ts";
import { exceedsBytes } from "../base/limits.ts";

const SMALL_BYTES_MAX = 64 * 1024;
const PIECE_BYTES = 64 * 1024;

/** The same text, or the stream of its bytes. Whoever gets a stream reads or cancels it. Throws `overloaded` where too much is held. */
export function meteredResponse(text: string, share: MemoryShare): string | ReadableStream<Uint8Array> {
  if (!exceedsBytes(text, SMALL_BYTES_MAX)) return text;
  const bytes = new TextEncoder().encode(text);
  share.reserve(bytes.byteLength);
  let sent = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(bytes.subarray(sent, (sent += PIECE_BYTES)));
        if (sent < bytes.byteLength) return;
        controller.close();
        share.release();
      },
      cancel: () => share.release(),
    },
    // Nothing is put aside for a reader who has not asked.
    { highWaterMark: 0 },
  );
}
