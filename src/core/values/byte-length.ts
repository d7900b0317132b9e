/** How many bytes a text has on the wire. */

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** True where a text has more than `bytesMax` bytes in UTF-8. */
export function exceedsBytes(text: string, bytesMax: number): boolean {
  // A UTF-16 unit takes one to three bytes: most texts are told by their length alone.
  if (text.length > bytesMax) return true;
  return text.length * 3 > bytesMax && byteLength(text) > bytesMax;
}
