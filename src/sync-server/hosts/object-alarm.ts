/**
 * The one alarm of a Durable Object, as a schedule: the object wakes at the earliest requested time.
 *
 * Guarantees (object-alarm.test.ts):
 * - A request for a later time than the set one writes nothing, because each alarm costs a write.
 * - A failing run is reported, and the alarm is set again.
 */
type AlarmStorage = {
  getAlarm(): Promise<number | null>;
  setAlarm(atMs: number): Promise<void>;
};

export type ObjectAlarmOptions = {
  readonly storage: AlarmStorage;
  readonly now: () => number;
  readonly report: (error: unknown) => void;
  /** Does the work that is due. Returns the milliseconds until more is due, or null. */
  readonly run: () => Promise<number | null>;
};

/** Milliseconds until the next try after a failing run. */
const RETRY_MS = 60_000;

export class ObjectAlarm {
  readonly #options: ObjectAlarmOptions;
  /** The time for which the alarm is set. Undefined: not read yet. */
  #setFor: Promise<number | null> | undefined;

  constructor(options: ObjectAlarmOptions) {
    this.#options = options;
  }

  /** Wakes the object at this time or before. Never rejects. */
  async wakeBy(atMs: number): Promise<void> {
    if (atMs === Infinity) return;
    const { storage, report } = this.#options;
    const before = (this.#setFor ??= storage.getAlarm());
    // The next call waits for this one. Otherwise two calls at once could both set the alarm.
    this.#setFor = before.then(async (setFor) => {
      if (setFor !== null && setFor <= atMs) return setFor;
      await storage.setAlarm(atMs);
      return atMs;
    });
    try {
      await this.#setFor;
    } catch (error) {
      this.#setFor = undefined;
      report(error);
    }
  }

  /** The runtime calls it when the alarm rings. Never rejects. */
  async ring(): Promise<void> {
    const { now, report, run } = this.#options;
    this.#setFor = Promise.resolve(null);
    try {
      const nextMs = await run();
      if (nextMs !== null) await this.wakeBy(now() + nextMs);
    } catch (error) {
      report(error);
      await this.wakeBy(now() + RETRY_MS);
    }
  }
}
