/**
 * Reading a request's body: JSON text, counted while it comes in.
 *
 * Holds: no more than the limit is ever held, whatever the headers claim; a compressed body is refused, since a small one may
 * unfold to any size; a body of another type is refused, since a foreign page can send those without asking first.
 */
import { HttpRefusal } from "./http-errors.ts";

const JSON_TYPE = /^application\/json *(?:; *charset="?utf-8"? *)?$/i;

/** The text of a JSON body of at most `bytesMax` bytes. */
export async function readJsonText(request: Request, bytesMax: number): Promise<{ readonly text: string; readonly bytes: number }> {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") throw new HttpRefusal("unsupported-media-type");
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) throw new HttpRefusal("unsupported-media-type");
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw new HttpRefusal("push-too-large");
  if (!request.body) return { text: "", bytes: 0 };

  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const reader = request.body.getReader();
  let text = "";
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { text: text + decoder.decode(), bytes };
      bytes += value.byteLength;
      if (bytes > bytesMax) throw new HttpRefusal("push-too-large");
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    // What is left is not read; the connection ends where the runtime cannot skip it.
    await reader.cancel().catch(() => {});
    throw error instanceof HttpRefusal ? error : new HttpRefusal("bad-request", { message: "The body did not arrive whole, or is not UTF-8" });
  }
}
