/**
 * Identifiers: a UUIDv7 for each new commit and device, and derived ids for the results of a commit.
 *
 * Guarantees (test: `id.test.ts`):
 * - A derived id depends on the commit alone, so that each device that decides the commit again gets the same id.
 * - A derived id has another form than a commit id, so that the two are never equal.
 */

/** The number of random bytes in one UUIDv7. */
export const UUID_RANDOM_BYTES = 10;

const UUID_LENGTH = 36;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The first time, in milliseconds since the epoch, that a UUIDv7 has no room for: in the year 10889. */
const TIME_END = 2 ** 48;

/** The two hexadecimal digits of each byte. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Returns a UUID of version 7 (RFC 9562): 48 bits of time, then random bits. `random` has 10 bytes.
 *
 * @example
 * uuidv7(1_700_000_000_000, new Uint8Array(10)) // "018bcfe5-6800-7000-8000-000000000000"
 */
export function uuidv7(timeMs: number, random: Uint8Array): string {
  // A device's clock may show any time, even one before 1970.
  const time = (timeMs >= 0 && timeMs < TIME_END ? Math.floor(timeMs) : 0).toString(16).padStart(12, "0");
  let hex = "";
  for (const byte of random.subarray(0, UUID_RANDOM_BYTES)) hex += HEX[byte] ?? "";
  const variant = (8 | (Number.parseInt(hex.charAt(3), 16) & 3)).toString(16);
  const random62 = `${variant}${hex.slice(4, 7)}-${hex.slice(7, 19).padEnd(12, "0")}`;
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-${random62}`;
}

/** True for the lower-case text form of any UUID, which is the form of commit ids and client ids. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Returns the n-th id for `context.id()` of `decide`: `<commit id>.<command index>.<n>`. */
export function derivedId(commitId: string, commandIndex: number, n: number): string {
  return `${commitId}.${commandIndex}.${n}`;
}

/**
 * Returns the n-th id for `context.id()` of `onConflict`. It differs, because the events of `decide` contain the other
 * ids.
 */
export function mergedId(commitId: string, commandIndex: number, n: number): string {
  return `${commitId}.${commandIndex}.m${n}`;
}

/** The form of the id of an event. A stored event that a domain reads as several has a second number. */
export const EVENT_ID = /^[0-9a-f-]{36}:[0-9.]+$/;

/** Returns the id of the commit of an event. */
export function commitOfEvent(id: string): string {
  return id.slice(0, UUID_LENGTH);
}

/** Returns the id of the n-th event of a commit. */
export function eventId(commitId: string, n: number): string {
  return `${commitId}:${n}`;
}
