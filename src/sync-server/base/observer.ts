/**
 * The observer of a server: it turns steps and counts into spans, measures and log entries.
 *
 * Guarantees:
 * - Without `telemetry` and `onLog` a step calls its work and does nothing else.
 * - An `onLog` or a `telemetry` that throws disturbs nothing else (observer.log-entries.test.ts,
 *   telemetry.failures.test.ts).
 * - The text of an error reaches neither a span nor an entry. `onError` alone receives the error, because an app's
 *   error may contain anything.
 */
import { LOG_NAME } from "../../core/history/limits.ts";
import { DacapoError } from "../../core/values/errors.ts";
import { byteLength } from "./limits.ts";
import { HttpRefusal } from "./http-refusal.ts";
import type { LogEntry, LogEvent, StepFacts } from "./log-entry.ts";
import { parkedOf } from "./parked-error.ts";
import { type TelemetryGuard, telemetryGuard } from "./telemetry-guard.ts";
import { createReporter } from "./report-error.ts";
import { LagBook } from "./lag-book.ts";
import type { MeasureName, SpanName, Telemetry, TelemetryFacts, TelemetryFailure, TelemetrySpan } from "./telemetry.ts";

/** The options by which an operator watches a server. */
export type ObserverOptions = {
  /**
   * Receives an entry for each start, stop, push, refusal, failure, socket, export, import and drop. An entry is a
   * plain object of ids, sizes and codes.
   *
   * @default no entries
   *
   * @example
   * onLog: (entry) => console.log(JSON.stringify(entry));
   */
  readonly onLog?: (entry: LogEntry) => void;
  /**
   * Receives spans and measures, such as `openTelemetry()` of `dacapo/telemetry`.
   *
   * @default no spans and no measures
   */
  readonly telemetry?: Telemetry;
};

/** One running step. */
export type Step = {
  /** The step's span. Null if nothing receives it. */
  readonly span: TelemetrySpan | null;
  readonly set: (facts: StepFacts) => void;
  readonly record: (measure: MeasureName, value: number, facts?: TelemetryFacts) => void;
  /** Runs a part of this step as a step of its own. */
  readonly run: <Result>(name: SpanName, facts: StepFacts, work: StepWork<Result>) => Promise<Result>;
  /** Ends the step. `error` is the error that ended it. */
  readonly end: (error?: unknown) => void;
  /** Ends the step, because its reader needs no more. */
  readonly cancel: () => void;
};

type StepWork<Result> = (step: Step) => Promise<Result>;

/** The step of a server that nobody watches. */
export const NO_STEP: Step = {
  span: null,
  set: () => {},
  record: () => {},
  run: (_name, _facts, work) => work(NO_STEP),
  end: () => {},
  cancel: () => {},
};

/** The steps that end with an entry. */
const LOGGED: Partial<Record<SpanName, LogEvent>> = { push: "push", export: "export", import: "import", drop: "drop" };
const STORE_FAILURES = new Set(["storage-full", "storage-lost"]);

export class Observer {
  readonly #telemetry: Telemetry | undefined;
  readonly #try: TelemetryGuard;
  readonly #onLog: ((entry: LogEntry) => void) | null;
  readonly #now: () => number;
  #stopLags: (() => void) | undefined;

  constructor(
    { telemetry, onLog, onError }: ObserverOptions & { readonly onError?: (error: unknown) => void } = {},
    now: () => number = Date.now,
  ) {
    this.#telemetry = telemetry;
    this.#try = telemetryGuard((error) => this.reporter(onError)(error));
    this.#onLog = onLog ? createReporter(onLog) : null;
    this.#now = now;
  }

  /** True if anything receives what the server reports. */
  get isOn(): boolean {
    return this.#telemetry !== undefined || this.#onLog !== null;
  }

  /** Starts a step that ends by its own `end`. `from`: the request or the steps that caused it. */
  begin(name: SpanName, from: Request | readonly Step[], facts: StepFacts): Step {
    if (!this.isOn) return NO_STEP;
    const causes = from instanceof Request ? from : from.flatMap(({ span }) => span ?? []);
    const span = this.#try(() => this.#telemetry?.startSpan(name, causes)) ?? null;
    const startedAt = this.#now();
    let known: StepFacts = {};
    const end = (failure?: TelemetryFailure): void => {
      this.#try(() => span?.end(failure));
      const event = LOGGED[name];
      // The response to a push that failed has an entry of its own.
      if (event === undefined || (failure && name === "push")) return;
      const ms = this.#now() - startedAt;
      this.write({ level: failure ? "warn" : "info", event, ...known, ...(failure && { code: failure.code }), ms });
    };
    const step: Step = {
      span,
      set: (more) => {
        known = { ...known, ...more };
        this.#try(() => span?.set(attributesOf(more)));
      },
      record: (measure, value, attributes) => this.record(measure, value, attributes),
      run: (part, partFacts, work) => this.run(part, [step], partFacts, work),
      end: (error) => end(error === undefined ? undefined : failureOf(error)),
      cancel: () => end({ code: "cancelled", isFault: false }),
    };
    step.set(facts);
    return step;
  }

  /** Runs work as a step. */
  async run<Result>(
    name: SpanName,
    from: Request | readonly Step[],
    facts: StepFacts,
    work: StepWork<Result>,
  ): Promise<Result> {
    if (!this.isOn) return work(NO_STEP);
    const step = this.begin(name, from, facts);
    try {
      // Work that throws before its promise would seem a failure of the span, and would run twice.
      const begun = async (): Promise<Result> => work(step);
      let running: Promise<Result> | undefined;
      const once = (): Promise<Result> => (running ??= begun());
      this.#try(() => void step.span?.run(once));
      // A span that failed has not begun the work, or it failed behind it.
      const result = await once();
      step.end();
      return result;
    } catch (error) {
      step.end(error ?? new Error("unknown"));
      throw error;
    }
  }

  record(measure: MeasureName, value: number, facts?: TelemetryFacts): void {
    this.#try(() => this.#telemetry?.record(measure, value, facts));
  }

  /** Measures the time from the receipt of a record until now. */
  recordLag(receivedAt: number): void {
    this.record("frame.lag", Math.max(0, this.#now() - receivedAt) / 1000);
  }

  /** Counts the bytes of a text that the server sends. */
  recordSent(text: string): void {
    if (this.#telemetry) this.record("io", byteLength(text), { "network.io.direction": "transmit" });
  }

  write(entry: LogEntry): void {
    this.#onLog?.(entry);
  }

  /** Reports a refused request. The report of a failure comes by `failed`. */
  refused(error: unknown, log: string | undefined): void {
    const { code } = failureOf(error);
    this.record("refusals", 1, { "error.type": code });
    if (!(error instanceof HttpRefusal)) return;
    const { actor, status } = error;
    // A sender without rights may have written anything in the place of the log's name.
    const known = log !== undefined && LOG_NAME.test(log) && { log };
    this.write({ level: status >= 500 ? "warn" : "info", event: "refused", ...known, ...(actor && { actor }), code });
  }

  /** Returns a book for the lags of followers. Undefined: nobody reads it. */
  lagBook(walkMs: number): LagBook | undefined {
    return this.#telemetry?.observe && new LagBook(this.#now, walkMs);
  }

  /** Reads the lags until `close`. Call it at the start, because no `close` ends the gauge of refused options. */
  watchLags(lags: LagBook | undefined): void {
    if (lags) this.#stopLags = this.#try(() => this.#telemetry?.observe?.("follower.lag", () => lags.read()));
  }

  /** Ends what reads the lags of a server that stopped. */
  close(): void {
    this.#try(() => this.#stopLags?.());
  }

  /** Reports a failure of the server, of its store or of the app's functions. */
  failed(error: unknown): void {
    const { code } = failureOf(error);
    this.record("failures", 1, { "error.type": code });
    const parked = error instanceof DacapoError ? parkedOf(error) : null;
    if (parked) this.record("parked", parked.count, { follower: parked.follower });
    this.write({ level: "error", event: STORE_FAILURES.has(code) ? "store-failed" : "failed", code });
  }

  /** Returns the function to which all rooms report failures: it counts them and passes them to `onError`. */
  reporter(onError: ((error: unknown) => unknown) | undefined): (error: unknown) => void {
    const report = createReporter(onError);
    return (error) => {
      this.failed(error);
      report(error);
    };
  }
}

/** An actor is a person, so no span contains it. */
function attributesOf({ actor: _actor, ...facts }: StepFacts): TelemetryFacts {
  return facts;
}

/** The code of an error. An error of the app has none, because its own codes may contain anything. */
function failureOf(error: unknown): TelemetryFailure {
  if (error instanceof HttpRefusal) return { code: error.code, isFault: error.status >= 500 };
  return { code: error instanceof DacapoError ? error.code : "unexpected", isFault: true };
}
