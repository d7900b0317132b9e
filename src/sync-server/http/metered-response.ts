/**
 * A response that counts as a share of memory until its reader has taken it.
 *
 * Guarantees (node-http.slow-peers.test.ts):
 * - A large response leaves piece by piece, as fast as its reader takes it. Its share is released at its end or with
 *   the connection.
 * - A small response leaves at once and is not counted, because it fits into the buffer that the system has for a
 *   connection.
 */
import type { MemoryShare } from "../base/memory-budget.ts";
import { exceedsBytes } from "../base/limits.ts";

const SMALL_BYTES_MAX = 64 * 1024;
const PIECE_BYTES = 64 * 1024;

/**
 * Returns a small text as it is, and a large one as a stream. The receiver of a stream must read it or cancel it,
 * because otherwise its share is never released. Throws `overloaded` if the share has no room.
 */
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
    // Without this, the stream would hold one more piece in its queue.
    { highWaterMark: 0 },
  );
}
