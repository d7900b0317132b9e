/** Reads the text of an answer, piece by piece and up to a limit. */

/**
 * Many times the size of a real answer. An endless answer would otherwise fill the memory of the tab before the time
 * limit.
 */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** @param received called with the bytes of each piece */
export async function boundedText({ body }: Response, received: (bytes: number) => void): Promise<string> {
  if (!body) return "";
  const reader = body.getReader();
  const utf8 = new TextDecoder();
  const pieces: string[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return pieces.join("") + utf8.decode();
    bytes += value.byteLength;
    received(value.byteLength);
    if (bytes > ANSWER_BYTES_MAX) {
      await reader.cancel().catch(() => {});
      throw new Error(`The answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    }
    pieces.push(utf8.decode(value, { stream: true }));
  }
}
