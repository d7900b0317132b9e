/**
 * The one alarm of a Durable Object, as a schedule of several tasks: the object wakes at the earliest of their times.
 *
 * Only the alarm is stored. Each task finds its next time in data that outlives the object's memory.
 *
 *     wakeBy(at) ──> alarm at the earliest time ── ring ──> each task runs ──> alarm at the earliest next time
 *
 * Guarantees (object-schedule.test.ts):
 * - A request for a later time than the set one writes nothing, because each alarm costs a write. A ring writes once.
 * - `armBy` sets the alarm in the same turn of the event loop. So a write before it is never stored without the alarm.
 * - A failing task is reported and runs again after ten minutes. It stops no other task.
 * - If the alarm cannot be set again, `ring` rejects, and the runtime rings again. Otherwise no task would run.
 * - A ring that follows a failed one sets another alarm first, because the runtime drops an alarm that keeps failing.
 */
import { DacapoError } from "../../core/values/errors.ts";
import { reasonOf } from "../../core/values/reason.ts";

type AlarmStorage = {
  getAlarm(): Promise<number | null>;
  setAlarm(atMs: number): Promise<void>;
};

/**
 * Does what is due at `now`, perhaps nothing. Returns the time of its next work, or Infinity. All times are in
 * milliseconds since the epoch.
 */
export type ObjectTask = (now: number) => Promise<number>;

export type ObjectTasks = { readonly [name: string]: ObjectTask };

export type ObjectScheduleOptions = {
  readonly storage: AlarmStorage;
  readonly now: () => number;
  readonly report: (error: unknown) => void;
  /** The tasks by their names, which the reports of failures contain. */
  readonly tasks: ObjectTasks;
};

/** Milliseconds until the next try of a failed task. Each try costs an alarm and a report. */
const RETRY_MS = 600_000;
/** Milliseconds from now to an alarm. Otherwise a task that is always due would keep the object busy. */
const WAKE_MS_MIN = 1_000;

export class ObjectSchedule {
  readonly #options: ObjectScheduleOptions;
  /** The time for which the alarm is set. Null: none, or it was not read yet. */
  #setForMs: number | null = null;
  #isRead = false;
  /** While the tasks run: the earliest time that a call of `wakeBy` named. */
  #wantedMs: number | null = null;

  constructor(options: ObjectScheduleOptions) {
    this.#options = options;
  }

  /** Wakes the object at this time or before. A failing storage is reported. Never rejects. */
  async wakeBy(atMs: number): Promise<void> {
    if (this.#wantedMs !== null) this.#wantedMs = Math.min(this.#wantedMs, atMs);
    else await this.#setAlarm(atMs).catch(this.#options.report);
  }

  /** Reads the time of the alarm, so that `armBy` sets no later one. A failing storage is reported. Never rejects. */
  async read(): Promise<void> {
    await this.#readAlarm().catch(this.#options.report);
  }

  /** Wakes the object at this time or before, by a write of now. A failing storage is reported. */
  armBy(atMs: number): void {
    if (this.#wantedMs !== null) this.#wantedMs = Math.min(this.#wantedMs, atMs);
    else void this.#setNow(atMs).catch(this.#options.report);
  }

  /** Runs one task now, because a write may have made work for it. Never rejects. */
  async runNow(name: string): Promise<void> {
    const { now, tasks } = this.#options;
    const task = tasks[name];
    if (task) await this.wakeBy(await this.#run(name, task, now()));
  }

  /**
   * The runtime calls it when the alarm rings. Rejects only if the alarm cannot be set again.
   *
   * @param isRetry true: the last ring failed, or the object failed during it.
   */
  async ring(isRetry = false): Promise<void> {
    const { now, tasks, storage } = this.#options;
    this.#isRead = true;
    this.#setForMs = null;
    if (isRetry) await storage.setAlarm(now() + RETRY_MS);
    this.#wantedMs = Infinity;
    const times = await Promise.all(Object.entries(tasks).map(([name, task]) => this.#run(name, task, now())));
    const nextAt = Math.min(this.#wantedMs, ...times);
    this.#wantedMs = null;
    await this.#setAlarm(nextAt);
  }

  async #run(name: string, task: ObjectTask, now: number): Promise<number> {
    try {
      return await task(now);
    } catch (cause) {
      this.#options.report(
        new DacapoError("unexpected", "later", {
          message: `The task ${name} of an object failed: ${reasonOf(cause)}`,
          fix: "Read the cause. The task runs again after ten minutes.",
          details: { task: name },
          cause,
        }),
      );
      return now + RETRY_MS;
    }
  }

  async #setAlarm(wantedMs: number): Promise<void> {
    if (wantedMs === Infinity) return;
    await this.#readAlarm();
    await this.#setNow(Math.max(wantedMs, this.#options.now() + WAKE_MS_MIN));
  }

  async #readAlarm(): Promise<void> {
    if (this.#isRead) return;
    const setForMs = await this.#options.storage.getAlarm();
    // Another call may have read or set it meanwhile.
    if (!this.#isRead) this.#setForMs = setForMs;
    this.#isRead = true;
  }

  async #setNow(atMs: number): Promise<void> {
    if (this.#setForMs !== null && this.#setForMs <= atMs) return;
    this.#isRead = true;
    this.#setForMs = atMs;
    try {
      await this.#options.storage.setAlarm(atMs);
    } catch (error) {
      this.#isRead = false;
      this.#setForMs = null;
      throw error;
    }
  }
}
