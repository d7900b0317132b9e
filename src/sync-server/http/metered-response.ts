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
import { acceptsGzip, gzip } from "./gzip.ts";

/** A whole text, a stream of its pieces, or either in gzip. */
export type ResponseBody = string | ReadableStream<Uint8Array> | { readonly gzip: BodyInit };

const SMALL_BYTES_MAX = 64 * 1024;
const PIECE_BYTES = 64 * 1024;
/** A smaller response is not compressed, because that costs the server more than the link gains. */
const GZIP_BYTES_MIN = 16 * 1024;

/**
 * Returns a small text as it is, and a large one as a stream, in gzip if the request accepts it. The receiver of a
 * stream must read it or cancel it, because otherwise its share is never released. Throws `overloaded` if the share has
 * no room.
 */
export async function meteredResponse(request: Request, text: string, share: MemoryShare): Promise<ResponseBody> {
  if (exceedsBytes(text, GZIP_BYTES_MIN) && acceptsGzip(request)) {
    const packed = await gzip(text);
    return { gzip: packed.byteLength > SMALL_BYTES_MAX ? meteredStream(packed, share) : packed };
  }
  return exceedsBytes(text, SMALL_BYTES_MAX) ? meteredStream(new TextEncoder().encode(text), share) : text;
}

function meteredStream(bytes: Uint8Array, share: MemoryShare): ReadableStream<Uint8Array> {
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
