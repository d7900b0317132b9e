/**
 * Reads the body of a request: JSON text, counted while it arrives.
 *
 * Guarantees (P22, http.limits.test.ts):
 * - It accepts no body of more bytes than the limit, whatever the headers claim and however many pieces arrive. For a
 *   moment the buffer may take about three times the body.
 * - A body in gzip is counted packed and unpacked, because a small one may unfold to any size. Other encodings are
 *   refused, and so is a body in gzip that cannot be unpacked. The device then sends it plain.
 * - A body that the app's own middleware has read comes from Hono. If nothing kept it, the operator gets an error, and
 *   the device tries again (read-body.middleware.test.ts).
 * - A body of another type is refused, because a foreign page can send those without a preflight request.
 */
import type { Env } from "../base/env.ts";
import type { MemoryShare } from "../base/memory-budget.ts";
import { gunzip } from "./gzip.ts";
import { type BodySource, BodyTakenError, readWebBody } from "./raw-exchange.ts";
import { HttpRefusal } from "../base/http-refusal.ts";

const JSON_TYPE = /^application\/json *(?:; *charset="?utf-8"? *)?$/i;
/** The smallest buffer for a body that arrives in more than one piece. */
const BUFFER_BYTES_MIN = 4 * 1024;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const NOTHING = new Uint8Array();
/** A middleware that read the body as text has damaged it, and some proxies unpack it. A plain body survives both. */
const NO_GZIP = { message: "The body is not gzip, or something before the server changed it. Send it without gzip." };

/**
 * Reads a JSON body of at most `bytesMax` bytes as text. `source` is another way to the body, such as the runtime's
 * faster one. Null: the body comes from `request`.
 */
export async function readJsonText(
  request: Request,
  source: BodySource | null,
  bytesMax: number,
  share: MemoryShare,
  nextTurn: Env["nextTurn"],
): Promise<{ readonly text: string; readonly bytes: number }> {
  const encoding = request.headers.get("content-encoding")?.toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") throw new HttpRefusal("unsupported-media-type");
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) throw new HttpRefusal("unsupported-media-type");
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw new HttpRefusal("push-too-large");

  try {
    const sent = collector(bytesMax, share);
    await (source ? source.readBody(sent.append) : readWebBody(request, sent.append));
    let body = sent.bytes();
    // A sender cannot claim bytes and send none, because its connection would wait for them.
    if (body.byteLength === 0 && Number(request.headers.get("content-length")) > 0) throw new BodyTakenError();
    if (encoding === "gzip") {
      const unpacked = collector(bytesMax, share);
      await gunzip(body, unpacked.append, nextTurn).catch((error: unknown) => {
        throw error instanceof HttpRefusal ? error : new HttpRefusal("unsupported-media-type", NO_GZIP);
      });
      body = unpacked.bytes();
    }
    return { text: UTF8.decode(body), bytes: body.byteLength };
  } catch (error) {
    throw error instanceof HttpRefusal || error instanceof BodyTakenError
      ? error
      : new HttpRefusal("bad-request", {
          message: "The body broke off, or is not UTF-8. Send it again, whole and in UTF-8.",
        });
  } finally {
    share.release();
  }
}

/**
 * Collects pieces up to a number of bytes, in one buffer. A text of a million pieces would take thirty times the
 * memory of the body.
 */
function collector(bytesMax: number, share: MemoryShare) {
  let held: Uint8Array = NOTHING;
  let bytes = 0;
  return {
    append: (piece: Uint8Array): void => {
      if (bytes + piece.byteLength > bytesMax) throw new HttpRefusal("push-too-large");
      share.reserve(piece.byteLength);
      // Most bodies arrive in one piece, which needs no copy.
      held = bytes === 0 ? piece : joined(held, bytes, piece);
      bytes += piece.byteLength;
    },
    bytes: () => held.subarray(0, bytes),
  };
}

/**
 * Returns the used bytes with the piece after them. If the buffer is too small, it returns a new one of at least twice
 * the bytes.
 */
function joined(held: Uint8Array, used: number, piece: Uint8Array): Uint8Array {
  const needed = used + piece.byteLength;
  const roomy = needed <= held.byteLength ? held : new Uint8Array(Math.max(needed, used * 2, BUFFER_BYTES_MIN));
  if (roomy !== held) roomy.set(held.subarray(0, used));
  roomy.set(piece, used);
  return roomy;
}
