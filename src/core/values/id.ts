/**
 * Identifiers: UUIDv7 for what is made, and ids derived from a commit for what its commands make.
 *
 * Holds: a derived id is a function of the commit alone, so deciding the same commit again gives the same ids; it has a
 * form that no commit id has, so the two never meet.
 */

/** Random bytes that one UUIDv7 takes. */
export const UUID_RANDOM_BYTES = 10;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A UUIDv7 has room for times up to the year 10889. */
const TIME_END = 2 ** 48;

/** The two digits of each byte. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * A UUID of version 7 (RFC 9562): 48 bits of time, then randomness.
 *
 * @example
 * uuidv7(1_700_000_000_000, new Uint8Array(10)) // "018bcfe5-6800-7000-8000-000000000000"
 */
export function uuidv7(timeMs: number, random: Uint8Array): string {
  // A device's clock may stand before 1970, or anywhere.
  const time = (timeMs >= 0 && timeMs < TIME_END ? Math.floor(timeMs) : 0).toString(16).padStart(12, "0");
  let hex = "";
  for (const byte of random.subarray(0, UUID_RANDOM_BYTES)) hex += HEX[byte] ?? "";
  const variant = (8 | (Number.parseInt(hex.charAt(3), 16) & 3)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19).padEnd(12, "0")}`;
}

/** True for the lower-case text form of any UUID: the form of commit ids and client ids. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The n-th id that a command of a commit asked for: `<commit>.<command index>.<n>`. */
export function derivedId(commit: string, commandIndex: number, n: number): string {
  return `${commit}.${commandIndex}.${n}`;
}

/** The same for a function that merges: it is given events that hold the others. */
export function mergedId(commit: string, commandIndex: number, n: number): string {
  return `${commit}.${commandIndex}.m${n}`;
}

/** The id of the n-th event of a commit. */
export function eventId(commit: string, n: number): string {
  return `${commit}:${n}`;
}
