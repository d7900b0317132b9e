/**
 * Reading a request's body: JSON text, counted while it comes in.
 *
 * Holds: no more than the limit is ever held, whatever the headers claim and in however many pieces it comes; a compressed body is
 * refused, since a small one may unfold to any size; a body of another type is refused, since a foreign page can send those without
 * asking first.
 */
import type { MemoryShare } from "../base/memory-budget.ts";
import { type Exchange, readWebBody } from "./raw-exchange.ts";
import { HttpRefusal } from "../base/http-refusal.ts";

const JSON_TYPE = /^application\/json *(?:; *charset="?utf-8"? *)?$/i;
/** Room for a body that comes in more than one piece. */
const FIRST_BYTES = 4 * 1024;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const NOTHING = new Uint8Array();

/** The text of a JSON body of at most `bytesMax` bytes. */
export async function readJsonText(
  request: Request,
  exchange: Exchange | null,
  bytesMax: number,
  share: MemoryShare,
): Promise<{ readonly text: string; readonly bytes: number }> {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") throw new HttpRefusal("unsupported-media-type");
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) throw new HttpRefusal("unsupported-media-type");
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw new HttpRefusal("push-too-large");

  // One piece of memory for all that comes: a text put together of a million pieces would take thirty times as much.
  let held: Uint8Array = NOTHING;
  let bytes = 0;
  const take = (piece: Uint8Array): void => {
    if (bytes + piece.byteLength > bytesMax) throw new HttpRefusal("push-too-large");
    share.reserve(piece.byteLength);
    // Most bodies come in one piece, which needs no copy.
    held = bytes === 0 ? piece : joined(held, bytes, piece);
    bytes += piece.byteLength;
  };
  try {
    await (exchange ? exchange.readBody(take) : readWebBody(request, take));
    return { text: UTF8.decode(held.subarray(0, bytes)), bytes };
  } catch (error) {
    throw error instanceof HttpRefusal
      ? error
      : new HttpRefusal("bad-request", { message: "The body did not arrive whole, or is not UTF-8" });
  } finally {
    share.release();
  }
}

/** The bytes held so far and a piece behind them. Room is doubled where there is too little, and never what someone else's memory has left. */
function joined(held: Uint8Array, used: number, piece: Uint8Array): Uint8Array {
  const needed = used + piece.byteLength;
  const roomy = needed <= held.byteLength ? held : new Uint8Array(Math.max(needed, used * 2, FIRST_BYTES));
  if (roomy !== held) roomy.set(held.subarray(0, used));
  roomy.set(piece, used);
  return roomy;
}
