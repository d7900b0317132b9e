/**
 * The lock of a Dexie table. The tab that holds it writes the table.
 *
 *   waiting ── lock granted, or stolen for a table that stays behind ──► holding
 *      ▲                                                                    │
 *      └─────────────────────────── lock stolen ────────────────────────────┘
 *
 * Guarantees (`dexie.stolen-lock.test.ts`):
 * - A visible tab steals the lock of a tab that is frozen, or whose log ended.
 * - A stolen lock leaves no old row. Each write also holds a second lock, which no tab steals. So a write that a frozen
 *   tab began ends before the next tab compares the table, and a robbed tab begins no further write.
 * - Two tabs whose records differ rarely take turns, because each theft doubles the time until the next one.
 */

/** Milliseconds between two checks of a table that is behind. */
const CHECK_MS = 250;
/** The same in a hidden tab, and after many checks. */
const SLOW_CHECK_MS = 5_000;
/** Checks in a row after which a visible tab steals the lock. A count, because a tab that sleeps does not check. */
const MISSES_MAX = 12;

export class TableLock {
  readonly #name: string;
  readonly #closing: AbortSignal;
  readonly #locks: LockManager | undefined = globalThis.navigator?.locks;
  #isHeld = false;
  #granted = new AbortController();
  /** Checks in a row that found the table behind. */
  #misses = 0;
  #missesMax = MISSES_MAX;
  /** Ends the wait for the lock. */
  #waiting = new AbortController();
  #release: () => void = () => {};

  constructor(name: string, closing: AbortSignal) {
    this.#name = name;
    this.#closing = closing;
    closing.addEventListener("abort", () => this.#waiting.abort());
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Aborts when this tab gets the lock. */
  get granted(): AbortSignal {
    return this.#granted.signal;
  }

  /** Requests the lock until `closing`. Calls `changed` each time that this tab gets the lock or loses it. */
  async compete(changed: () => void): Promise<void> {
    const hold = () => {
      if (this.#closing.aborted) return;
      this.#isHeld = true;
      this.#granted.abort();
      changed();
      return new Promise<void>((release) => {
        this.#release = release;
      });
    };
    // Without Web Locks each tab writes. A write only stores what the table lacks.
    if (!this.#locks) return hold();
    for (let steal = false; !this.#closing.aborted; steal = this.#waiting.signal.aborted) {
      this.#waiting = new AbortController();
      const options = steal ? { steal } : { signal: this.#waiting.signal };
      // An aborted request is one that ended its wait, or whose lock was stolen.
      await this.#locks.request(this.#name, options, hold).catch(ignoreAbort);
      if (!this.#isHeld) continue;
      this.#isHeld = false;
      this.#granted = new AbortController();
      changed();
    }
  }

  /** Runs a write of the tab that holds the lock. Resolves with false if another tab holds it by then. */
  async write(work: () => Promise<boolean>): Promise<boolean> {
    const workIfHeld = async () => this.#isHeld && (await work());
    if (!this.#locks) return workIfHeld();
    return this.#locks.request(`${this.#name} write`, { signal: this.#closing }, workIfHeld);
  }

  /** A check found the table up to date. */
  resetMisses(): void {
    this.#misses = 0;
    this.#missesMax = MISSES_MAX;
  }

  /** A check found the table behind. Returns the milliseconds until the next check. */
  countMiss(): number {
    if (this.#isHeld) return 0;
    const isHidden = globalThis.document?.visibilityState === "hidden";
    this.#misses = isHidden ? 0 : this.#misses + 1;
    if (this.#misses >= this.#missesMax) {
      this.#misses = 0;
      this.#missesMax *= 2;
      this.#waiting.abort();
    }
    return isHidden || this.#misses > MISSES_MAX ? SLOW_CHECK_MS : CHECK_MS;
  }

  release(): void {
    this.#release();
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
}
