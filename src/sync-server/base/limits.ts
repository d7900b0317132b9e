/**
 * The bounds of a sync server: each with its unit, its default and its reason.
 *
 * Guarantees:
 * - Memory, queues, sockets and the data kept for an actor stay within these bounds, whatever a peer sends
 *   (http.limits.test.ts, log-writer.test.ts, node-http.slow-peers.test.ts).
 * - `GET /logs/:log` reports the bounds that a client must know, and no others (`wireLimits`).
 */
import { LIMITS, type Limits } from "../../core/history/limits.ts";

export { byteLength, exceedsBytes } from "../../core/values/byte-length.ts";

/** A token bucket: `burst` at once, then `perSecond`. */
export type Rate = {
  /** Tokens that return each second. */
  readonly perSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
};

/**
 * The bounds of a sync server. Pass some of them to `syncServer({ limits })`. The others keep their defaults.
 *
 * @example
 * serve({ domain, store, authorize, limits: { commitRate: { perSecond: 50, burst: 5_000 } } });
 */
export type ServerLimits = Limits & {
  /**
   * Pushes that may wait for the writer of one log. Each of them delays the next one, so the server refuses more with
   * 503 `overloaded`.
   *
   * @default 2_000
   */
  readonly waitingPushesMax: number;
  /**
   * Bytes of all waiting pushes of all logs together. Without this bound, many busy logs could fill the memory.
   *
   * @default 67_108_864 (64 MiB). In a Durable Object 16 MiB.
   */
  readonly waitingBytesMax: number;
  /**
   * Bytes of all request bodies that are being read. A sender may take minutes for a push, so bodies add up.
   *
   * @default 67_108_864 (64 MiB). In a Durable Object 16 MiB.
   */
  readonly readingBytesMax: number;
  /**
   * Bytes of one actor's request bodies that are being read. Otherwise one slow sender could use up `readingBytesMax`
   * alone.
   *
   * @default 16_777_216 (16 MiB). In a Durable Object 8 MiB.
   */
  readonly readingBytesPerActorMax: number;
  /**
   * Bytes of all responses that their readers have not taken yet. Pages are large and readers may be slow, so responses
   * add up.
   *
   * @default 268_435_456 (256 MiB). In a Durable Object 32 MiB.
   */
  readonly answeringBytesMax: number;
  /**
   * Bytes of one actor's responses that were not taken yet. Otherwise one slow reader could use up `answeringBytesMax`
   * alone.
   *
   * @default 67_108_864 (64 MiB). In a Durable Object 16 MiB.
   */
  readonly answeringBytesPerActorMax: number;
  /**
   * Commits that one append writes, unless its first push alone has more. The limit is large enough to share one sync
   * of the disk, and small enough to answer soon.
   *
   * @default 2_000
   */
  readonly batchCommitsMax: number;
  /**
   * Bytes of the pushes that one append writes, unless its first push alone has more. The reason is that of
   * `batchCommitsMax`.
   *
   * @default 4_194_304 (4 MiB)
   */
  readonly batchBytesMax: number;
  /**
   * Milliseconds that the server keeps an outcome without a record (P5). A device that lost the answer may push the
   * commit again within this time, and receives the same outcome.
   *
   * @default 2_592_000_000 (30 days)
   */
  readonly outcomesKeptMs: number;
  /**
   * Outcomes without a record that the server keeps for one actor in one log (P5). Otherwise one actor could fill the
   * disk with rejected commits.
   *
   * @default 10_000
   */
  readonly outcomesPerActorMax: number;
  /**
   * Requests of one actor. Otherwise one actor could keep the server busy with cheap requests. The burst leaves room
   * for many devices and tabs that return at once.
   *
   * @default { perSecond: 100, burst: 1_000 }
   */
  readonly requestRate: Rate;
  /**
   * Commits of one actor, because each commit costs a decision. The burst is large, because a device that returns after
   * weeks has thousands of commits.
   *
   * @default { perSecond: 500, burst: 10_000 }
   */
  readonly commitRate: Rate;
  /**
   * Live sockets of this server. Each open socket costs memory and a file descriptor.
   *
   * @default 20_000
   */
  readonly socketsMax: number;
  /**
   * Live sockets of one log. Each append of a log costs one frame for each of its sockets.
   *
   * @default 10_000
   */
  readonly socketsPerLogMax: number;
  /**
   * Live sockets of one actor. Otherwise one actor could use up `socketsMax` alone.
   *
   * @default 100
   */
  readonly socketsPerActorMax: number;
  /**
   * Bytes that may wait on one socket. Above that, the socket receives hints instead of records (P18), because a slow
   * reader would otherwise fill the memory.
   *
   * @default 1_048_576 (1 MiB)
   */
  readonly socketBufferBytesMax: number;
  /**
   * Bytes of one frame of records, of the records in the answer to a push, and of one page of an export or of rows,
   * because the server holds that much for each slow reader. A single record or row may be larger.
   *
   * @default 524_288 (512 KiB)
   */
  readonly frameBytesMax: number;
  /**
   * Bytes of one device's presence in a log, because the server sends it to every other device there.
   *
   * @default 1_024. In a Durable Object 640, and never more.
   */
  readonly presenceBytesMax: number;
  /**
   * Milliseconds after which live sockets receive the records that another node appended, if nothing calls `poke`. A
   * shorter time costs more reads of the store.
   *
   * @default 5_000
   */
  readonly lookMs: number;
};

const DAY_MS = 24 * 60 * 60 * 1000;
const MIB = 1024 * 1024;

export const SERVER_LIMITS: ServerLimits = {
  ...LIMITS,
  waitingPushesMax: 2_000,
  waitingBytesMax: 64 * MIB,
  readingBytesMax: 64 * MIB,
  readingBytesPerActorMax: 16 * MIB,
  answeringBytesMax: 256 * MIB,
  answeringBytesPerActorMax: 64 * MIB,
  batchCommitsMax: 2_000,
  batchBytesMax: 4 * MIB,
  outcomesKeptMs: 30 * DAY_MS,
  outcomesPerActorMax: 10_000,
  requestRate: { perSecond: 100, burst: 1_000 },
  commitRate: { perSecond: 500, burst: 10_000 },
  socketsMax: 20_000,
  socketsPerLogMax: 10_000,
  socketsPerActorMax: 100,
  socketBufferBytesMax: 1 * MIB,
  frameBytesMax: 512 * 1024,
  presenceBytesMax: 1024,
  lookMs: 5_000,
};

/**
 * The limits that differ in a Durable Object. It has 128 MB of memory, and shares it with other objects.
 *
 * A presence must fit into an attachment of 2 KB, beside a principal of 1 KiB, the longest name of a log and all other
 * fields.
 */
export const OBJECT_LIMITS = {
  waitingBytesMax: 16 * MIB,
  readingBytesMax: 16 * MIB,
  readingBytesPerActorMax: 8 * MIB,
  answeringBytesMax: 32 * MIB,
  answeringBytesPerActorMax: 16 * MIB,
  presenceBytesMax: 640,
} as const satisfies Partial<ServerLimits>;

/**
 * The defaults with the bounds of an app and of its host. Endless bounds and fractions become whole numbers, because
 * databases and the wire have no others.
 */
export function limitsWith(...given: readonly (Partial<ServerLimits> | undefined)[]): ServerLimits {
  let limits = SERVER_LIMITS;
  for (const some of given) limits = { ...limits, ...some };
  const whole = (value: number | Rate): number | Rate =>
    typeof value === "number" ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER) : value;
  return { ...limits, ...Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, whole(value)])) };
}

/**
 * Milliseconds between two checks whether the reader of an open socket or of a running export may still read.
 *
 * The protocol promises that a socket closes within a minute after its right ended. 40 seconds leave room for an app
 * that answers slowly. No option changes this, because the promise would change with it.
 */
export const RIGHTS_MS = 40_000;

/** The limits that the server reports to a client. */
export function wireLimits({
  commitBytesMax,
  pushBytesMax,
  pushCommitsMax,
  pageBytesMax,
  pageEventsMax,
}: ServerLimits): Limits {
  return { commitBytesMax, pushBytesMax, pushCommitsMax, pageBytesMax, pageEventsMax };
}
