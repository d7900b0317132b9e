/**
 * How much one call requests and sends, as the link allows. Pure.
 *
 * Guarantees (`call-size.test.ts`):
 * - On a link of constant speed, a full call ends after about ten seconds or carries the least size.
 * - Sizes are powers of two, because the server renders a page once for all clients that request the same size.
 */
import type { LogInfo } from "../../core/wire/messages.ts";
import { LIMITS } from "../../core/history/limits.ts";

export type CallSize = {
  /** Bytes of records that an answer may have. */
  readonly pageBytes: number;
  /** Bytes of commits in one push, as far as the link has carried them. */
  readonly pushBytes: number;
  /** Bytes of commits in one push, at most: the server's limit, or less after a 413. */
  readonly pushBytesMax: number;
  readonly pushCommitsMax: number;
  /** Null: the limits of the server were not read yet. True: it accepts pushes in gzip. */
  readonly gzip: boolean | null;
};

const FIRST_BYTES = 64 * 1024;
const LEAST_BYTES = 1024;
/** A full call may take this long. Longer calls show no progress for too long, and lose more when they break off. */
const CALL_MS = 10_000;
/** The fields of a push around its commits, at most. */
const ENVELOPE_BYTES = 512;
/** A smaller push fits into the limits of every server, so the limits are not read before it. */
export const SMALL_PUSH_BYTES = 16 * 1024;

export const firstCallSize: CallSize = {
  pageBytes: FIRST_BYTES,
  pushBytes: FIRST_BYTES,
  pushBytesMax: LIMITS.pushBytesMax,
  pushCommitsMax: LIMITS.pushCommitsMax,
  gzip: null,
};

/** The sizes with the limits that the server reports. */
export function withLimits(size: CallSize, { limits, encodings }: LogInfo): CallSize {
  return {
    ...size,
    pushBytesMax: Math.max(1, limits.pushBytesMax - ENVELOPE_BYTES),
    pushCommitsMax: limits.pushCommitsMax,
    gzip: encodings?.includes("gzip") ?? false,
  };
}

/** The sizes after a call that carried `bytes` in `ms`. A call that was not nearly full shows no speed. */
export function afterCall(size: CallSize, what: "pageBytes" | "pushBytes", bytes: number, ms: number): CallSize {
  const before = size[what];
  const max = what === "pageBytes" ? LIMITS.pageBytesMax : LIMITS.pushBytesMax;
  if (bytes * 2 < Math.min(before, what === "pushBytes" ? size.pushBytesMax : before)) return size;
  const fits = (bytes * CALL_MS) / Math.max(1, ms);
  const factor = fits >= before * 4 ? 4 : fits >= before * 2 ? 2 : fits < before ? 0.5 : 1;
  return { ...size, [what]: Math.min(max, Math.max(LEAST_BYTES, before * factor)) };
}

/** Something between the device and the server may not read gzip, such as a middleware or a firewall. */
export function withoutGzip(size: CallSize): CallSize {
  return { ...size, gzip: size.gzip && false };
}

/** The sizes after a call without an answer. */
export function afterFailure(size: CallSize): CallSize {
  return { ...size, pageBytes: halved(size.pageBytes), pushBytes: halved(size.pushBytes) };
}

function halved(bytes: number): number {
  return Math.max(LEAST_BYTES, bytes / 2);
}
