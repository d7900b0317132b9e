/**
 * Reading a request's body: JSON text, counted while it comes in.
 *
 * Holds: no more than the limit is ever held, whatever the headers claim and in however many pieces it comes; a compressed body is
 * refused, since a small one may unfold to any size; a body of another type is refused, since a foreign page can send those without
 * asking first.
 */
import type { ByteShare } from "./byte-shares.ts";
import { HttpRefusal } from "./http-errors.ts";

const JSON_TYPE = /^application\/json *(?:; *charset="?utf-8"? *)?$/i;
const FIRST_BYTES = 4 * 1024;

/** The text of a JSON body of at most `bytesMax` bytes. */
export async function readJsonText(request: Request, bytesMax: number, share: ByteShare): Promise<{ readonly text: string; readonly bytes: number }> {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") throw new HttpRefusal("unsupported-media-type");
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) throw new HttpRefusal("unsupported-media-type");
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw new HttpRefusal("push-too-large");
  if (!request.body) return { text: "", bytes: 0 };

  const reader = request.body.getReader();
  // One piece of memory for all that comes: a text put together of a million pieces would take thirty times as much.
  let held = new Uint8Array(FIRST_BYTES);
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (bytes + value.byteLength > bytesMax) throw new HttpRefusal("push-too-large");
      share.take(value.byteLength);
      held = withRoom(held, bytes, bytes + value.byteLength);
      held.set(value, bytes);
      bytes += value.byteLength;
    }
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(held.subarray(0, bytes)), bytes };
  } catch (error) {
    // What is left is not read; the connection ends where the runtime cannot skip it.
    await reader.cancel().catch(() => {});
    throw error instanceof HttpRefusal ? error : new HttpRefusal("bad-request", { message: "The body did not arrive whole, or is not UTF-8" });
  } finally {
    share.giveBack();
  }
}

/** The same bytes where there is room for so many more: twice as much each time. */
function withRoom(held: Uint8Array<ArrayBuffer>, used: number, needed: number): Uint8Array<ArrayBuffer> {
  if (needed <= held.byteLength) return held;
  const larger = new Uint8Array(Math.max(needed, held.byteLength * 2));
  larger.set(held.subarray(0, used));
  return larger;
}
