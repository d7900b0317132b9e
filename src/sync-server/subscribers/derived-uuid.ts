/**
 * A UUID that depends on some texts alone: version 8 of RFC 9562, from the SHA-256 of the texts.
 *
 * Guarantees: two lists of texts with different lengths have different ids (derived-uuid.test.ts).
 */

/** Returns the UUID of the texts. */
export async function derivedUuid(texts: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const variant = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant.toString(16)}${hex.slice(18, 20)}`,
    hex.slice(20),
  ].join("-");
}
