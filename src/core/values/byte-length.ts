/** The size of texts on the wire, in bytes of UTF-8. */

/** Returns the number of bytes of a text. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** True if a text has more than `bytesMax` bytes. */
export function exceedsBytes(text: string, bytesMax: number): boolean {
  // A UTF-16 unit takes one to three bytes, so the length alone decides for most texts.
  if (text.length > bytesMax) return true;
  return text.length * 3 > bytesMax && byteLength(text) > bytesMax;
}
