/** Compression in gzip, with the streams that Node and Workers share. */
import type { Env } from "../base/env.ts";

/** A piece of 4 KiB unpacks to 4 MiB at most. */
const PIECE_BYTES = 4 * 1024;

/** True if the sender of a request reads gzip. Every browser does. */
export function acceptsGzip(request: Request): boolean {
  return /\bgzip\b(?! *; *q=0(?:\.0*)?(?: *,| *$))/i.test(request.headers.get("accept-encoding") ?? "");
}

export async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/**
 * Passes the unpacked pieces to `onPiece`. If `onPiece` throws, it unpacks no more and rejects with that error.
 *
 * It writes piece by piece and waits until all output was read, because the stream of Workers unpacks everything that
 * it gets, and a body of 1 MiB can unpack to 1 GiB.
 */
export async function gunzip(
  packed: Uint8Array,
  onPiece: (piece: Uint8Array) => void,
  nextTurn: Env["nextTurn"],
): Promise<void> {
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  let reads = 0;
  let isOver = false;
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      reads++;
      onPiece(value);
    }
  };
  const write = async () => {
    for (let at = 0; at < packed.byteLength && !isOver; at += PIECE_BYTES) {
      await writer.write(new Uint8Array(packed.subarray(at, at + PIECE_BYTES)));
      for (let before = -1; before !== reads && !isOver;) {
        before = reads;
        await nextTurn();
      }
    }
    if (!isOver) await writer.close();
  };
  try {
    await Promise.all([read(), write()]);
  } catch (error) {
    isOver = true;
    await Promise.allSettled([writer.abort(error), reader.cancel(error)]);
    throw error;
  }
}
