/**
 * A tab's lease on a tail of `pending`, which lets an append skip reading the tail.
 *
 * An append under the next number fails by itself if that number has a row. So a tab does not need to read the tail
 * while the row after its known tail stays in `pending`, settled or not. An appending tab publishes its tail through a
 * shared Web Lock with the number in its name. `confirm` removes rows of settled commits only up to the lowest leased
 * number. An idle tab releases its lease, so that a sleeping tab keeps no rows.
 *
 *   no lease ──advanceTo──► requested ──granted──► held, not proven ──confirmTail──► current: appends skip the read
 *      ▲                                                                                │
 *      └──────────────────────────── idle, close, lock stolen ◄─────────────────────────┘
 *
 * Guarantees (test/unit/client/stores/tail-lease.test.ts):
 * - Without a lease, or without Web Locks, an append reads the tail. Nothing else is different (L2).
 * - `reclaimableUpTo` exceeds neither the tail that this handle knew nor any leased tail, at the time of the query.
 * - A lease is proven by the first read of the tail that began after the lease was granted, because a query before that
 *   read allows to remove nothing after that tail. It is current for the highest observed tail only (L2).
 * - A moving lease gets the new lock before it releases the old lock. No lock is released during an append (L2).
 *
 * Source: hazard pointers (Michael, 2004), which reclaim nothing that a reader may still hold.
 */
import type { Env } from "../../env/env.ts";

/** Numbers between two moves of a lease. */
const STEP = 16;
/**
 * A lease is released after one to two of these without an append. It is short, because browsers freeze a hidden tab
 * after minutes.
 */
const IDLE_MS = 30_000;

export type LeaseLocks = Pick<LockManager, "request" | "query">;

/** A granted lease on `tail`, which was the tail of the database at an earlier time. */
export type HeldLease = { readonly tail: number; isProven: boolean; readonly release: () => void };

export class TailLease {
  readonly #locks: LeaseLocks | null;
  readonly #prefix: string;
  readonly #timer: Env["setTimer"];
  #held: HeldLease | null = null;
  #isRequesting = false;
  #isClosed = false;
  #appendsRunning = 0;
  /** Former leases, which are released when no append runs. */
  #outgrown: HeldLease[] = [];
  /** The highest tail that this handle read in the database. */
  #observedTail = 0;
  #reclaimableUpTo = 0;
  #isIdle = true;
  #cancelWatch: (() => void) | null = null;

  constructor(database: string, locks: LeaseLocks | null, timer: Env["setTimer"]) {
    this.#locks = locks;
    // "place" is the lease's earlier name. It stays, because tabs of an older release read these lock names.
    this.#prefix = `${database}:place:`;
    this.#timer = timer;
  }

  get held(): HeldLease | null {
    return this.#held;
  }

  /** Runs an append and keeps the lease until the append settles. */
  async keepDuring<T>(append: () => Promise<T>): Promise<T> {
    this.#appendsRunning++;
    try {
      return await append();
    } finally {
      if (--this.#appendsRunning === 0) for (const held of this.#outgrown.splice(0)) held.release();
    }
  }

  /**
   * Whether an append on this tail may skip reading the tail, because the next number has a row if the tail moved.
   * False for every tail but the highest observed tail.
   */
  isCurrent(tail: number): boolean {
    return this.#held !== null && this.#held.isProven && tail === this.#observedTail;
  }

  /** Records a tail that was read in the database. */
  observeTail(tail: number): void {
    if (tail > this.#observedTail) this.#observedTail = tail;
  }

  /**
   * Records that an append read its tail and found it unmoved. `held` is the lease that was held before the read began.
   */
  confirmTail(tail: number, held: HeldLease | null): void {
    this.observeTail(tail);
    if (held) held.isProven = true;
  }

  /** Records the tail after an append, and requests or moves the lease. */
  advanceTo(tail: number): void {
    this.observeTail(tail);
    this.#isIdle = false;
    if (!this.#isRequesting && (this.#held === null || tail - this.#held.tail >= STEP)) this.#move();
  }

  /**
   * The highest number up to which no tab needs the rows of settled commits. The value is from the last query, and this
   * call starts the next query. An older value is only lower, so a browser that never answers delays no confirmation.
   */
  reclaimableUpTo(): number {
    if (!this.#locks) return this.#observedTail;
    this.queryHeldTails();
    return this.#reclaimableUpTo;
  }

  /** Requests from the browser which tails are leased. */
  queryHeldTails(): void {
    if (this.#locks) void this.#queryHeldTails(this.#locks);
  }

  close(): void {
    this.#isClosed = true;
    this.#leave();
  }

  async #queryHeldTails(locks: LeaseLocks): Promise<void> {
    const observedTail = this.#observedTail;
    try {
      const { held = [] } = await locks.query();
      const heldTails = held.flatMap(({ name }) =>
        name?.startsWith(this.#prefix) ? Number(name.slice(this.#prefix.length)) : [],
      );
      this.#reclaimableUpTo = Math.max(this.#reclaimableUpTo, Math.min(observedTail, ...heldTails));
    } catch {
      // The old value stays, because a lower value is always safe.
    }
  }

  #move(): void {
    if (!this.#locks || this.#isClosed) return;
    this.#isRequesting = true;
    const tail = this.#observedTail;
    let granted: HeldLease | null = null;
    const hold = () => {
      this.#isRequesting = false;
      if (this.#isClosed) return undefined;
      return new Promise<void>((release) => {
        const before = this.#held;
        granted = this.#held = { tail, isProven: before?.isProven ?? false, release };
        if (before) this.#release(before);
        if (!this.#cancelWatch) this.#watch();
      });
    };
    // A refused or stolen lock needs no report, because appends then read the tail.
    this.#locks
      .request(`${this.#prefix}${tail}`, { mode: "shared" }, hold)
      .catch(() => {})
      .finally(() => {
        this.#isRequesting = false;
        if (granted !== null && this.#held === granted) this.#held = null;
      });
  }

  #watch(): void {
    this.#isIdle = true;
    this.#cancelWatch = this.#timer(() => {
      this.#cancelWatch = null;
      if (this.#isIdle) this.#leave();
      else this.#watch();
    }, IDLE_MS);
  }

  #leave(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = null;
    if (this.#held) this.#release(this.#held);
    this.#held = null;
  }

  #release(held: HeldLease): void {
    if (this.#appendsRunning === 0) held.release();
    else this.#outgrown.push(held);
  }
}
