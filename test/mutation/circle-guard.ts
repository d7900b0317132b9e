/**
 * Breaks a test out of a circle that never waits: a loop of microtasks keeps each timer of its process from running, so
 * nothing else can stop it. Each mutated expression reads which mutant is on. The guard counts that as a sign of life,
 * and throws there once the process worked for too long without a turn of its event loop.
 */
const interval = globalThis.setInterval;
const immediate = globalThis.setImmediate;
const cpuUsage = process.cpuUsage.bind(process);
const CHECKED_READS = 1_024;
const TURN_MS = 100;

export class CircleGuard {
  /** Milliseconds of work. Only work counts, because a busy machine makes each turn longer. */
  limitMs = Number.MAX_SAFE_INTEGER;
  /** Called in the next turn after the circle broke. */
  broken: () => void = () => undefined;
  readonly #error: string;
  #mutant: string | undefined;
  #reads = 0;
  #usage = cpuUsage();
  #isBroken = false;

  constructor(switches: object, error: string, turned: () => void) {
    this.#error = error;
    Object.defineProperty(switches, "activeMutant", {
      get: () => this.#read(),
      set: (mutant: string | undefined) => {
        this.#start(mutant);
      },
    });
    const timer = interval(() => {
      this.#usage = cpuUsage();
      turned();
    }, TURN_MS);
    timer.unref();
  }

  #start(mutant: string | undefined): void {
    this.#mutant = mutant;
    this.#isBroken = false;
    this.#usage = cpuUsage();
  }

  #read(): string | undefined {
    if (this.#mutant === undefined) return undefined;
    if (!this.#isBroken && ++this.#reads % CHECKED_READS === 0) {
      const { user, system } = cpuUsage(this.#usage);
      this.#isBroken = (user + system) / 1_000 > this.limitMs;
      if (this.#isBroken) immediate(() => this.broken());
    }
    if (this.#isBroken) throw new Error(this.#error);
    return this.#mutant;
  }
}
