/**
 * The bounds of a sync server, each with its reason.
 *
 * Place: `syncServer({ limits })` takes any of them; those of the wire are told to clients by `GET /logs/:log`.
 * Holds: whatever a peer does, memory, queues, sockets and what is remembered of anyone stay within these.
 */
import { LIMITS, type Limits } from "../../core/history/limits.ts";

export { byteLength, exceedsBytes } from "../../core/values/byte-length.ts";

/** A token bucket: `burst` at once, then `perSecond`. */
export type Rate = { readonly perSecond: number; readonly burst: number };

export type ServerLimits = Limits & {
  /** Pushes that may wait for one log's writer; more are answered 503, to be tried again. */
  readonly waitingPushesMax: number;
  /** Bytes of all waiting pushes together, over all logs. */
  readonly waitingBytesMax: number;
  /** Bytes of bodies that are being read, over all requests, and of one principal: a sender may take half a minute for a push. */
  readonly readingBytesMax: number;
  readonly readingBytesPerActorMax: number;
  /** Bytes of answers that were not taken yet, over all requests, and of one principal: pages are large, and readers may be slow. */
  readonly answeringBytesMax: number;
  readonly answeringBytesPerActorMax: number;
  /** What one append takes at most, beyond one push: enough to share one sync of the disk, small enough to answer soon. */
  readonly batchCommitsMax: number;
  readonly batchBytesMax: number;
  readonly outcomesKeptMs: number;
  readonly outcomesPerActorMax: number;
  /** Requests of one principal. */
  readonly requestRate: Rate;
  /** Commits of one principal. A device that comes back after weeks has thousands. */
  readonly commitRate: Rate;
  readonly socketsMax: number;
  readonly socketsPerLogMax: number;
  readonly socketsPerActorMax: number;
  /** Bytes waiting on a socket beyond which it gets hints instead of records. */
  readonly socketBufferBytesMax: number;
  /** Bytes of one frame of records; a single record may be larger. */
  readonly frameBytesMax: number;
  readonly presenceBytesMax: number;
  /** How late live sockets may see what another node appended, when nobody pokes. Milliseconds. */
  readonly lookMs: number;
};

const DAY_MS = 24 * 60 * 60 * 1000;

export const SERVER_LIMITS: ServerLimits = {
  ...LIMITS,
  waitingPushesMax: 2_000,
  waitingBytesMax: 64 * 1024 * 1024,
  readingBytesMax: 64 * 1024 * 1024,
  readingBytesPerActorMax: 16 * 1024 * 1024,
  answeringBytesMax: 256 * 1024 * 1024,
  answeringBytesPerActorMax: 64 * 1024 * 1024,
  batchCommitsMax: 2_000,
  batchBytesMax: 4 * 1024 * 1024,
  outcomesKeptMs: 30 * DAY_MS,
  outcomesPerActorMax: 10_000,
  requestRate: { perSecond: 100, burst: 1_000 },
  commitRate: { perSecond: 500, burst: 10_000 },
  socketsMax: 20_000,
  socketsPerLogMax: 10_000,
  socketsPerActorMax: 100,
  socketBufferBytesMax: 1024 * 1024,
  frameBytesMax: 512 * 1024,
  presenceBytesMax: 1024,
  lookMs: 5_000,
};

const MIB = 1024 * 1024;

/** Those that differ in a Durable Object: it has 128 MB for all it does, with others of its kind. Presence fits into an attachment of 2 KB, with a principal of 1 KiB, the longest name of a log and all other fields. */
export const OBJECT_LIMITS = {
  waitingBytesMax: 16 * MIB,
  readingBytesMax: 16 * MIB,
  readingBytesPerActorMax: 8 * MIB,
  answeringBytesMax: 32 * MIB,
  answeringBytesPerActorMax: 16 * MIB,
  presenceBytesMax: 640,
} as const satisfies Partial<ServerLimits>;

/** Those that a client is told. */
export function wireLimits({
  commitBytesMax,
  pushBytesMax,
  pushCommitsMax,
  pageBytesMax,
  pageEventsMax,
}: ServerLimits): Limits {
  return { commitBytesMax, pushBytesMax, pushCommitsMax, pageBytesMax, pageEventsMax };
}

/** How often rights are asked again. */
export const RIGHTS_MS = 40_000;
