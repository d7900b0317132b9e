/**
 * The port to a system of traces and metrics: spans of the server's steps, and measures of its work.
 *
 * Place: a port. `openTelemetry` of `dacapo/telemetry` implements it. Without an implementation, the server measures
 * nothing.
 *
 * Guarantees (telemetry.test.ts):
 * - Spans and measures contain ids, sizes, counts and codes. They contain no contents, no tokens and no actors.
 * - Measures contain no ids. Otherwise each log would be a time series of its own.
 */

/** A step of the server that has a span and a duration. */
export type SpanName =
  "push" | "pull" | "batch" | "decide" | "append" | "catch_up" | "export" | "import" | "drop" | "execute";

/** A quantity that the server measures. `docs/operating.md` has a table of them. */
export type MeasureName =
  | "commits"
  | "events"
  | "batch.size"
  | "queue.length"
  | "sockets"
  | "frames"
  | "frame.lag"
  | "io"
  | "refusals"
  | "failures"
  | "parked";

/** A level that is read when metrics are collected. `docs/operating.md` has a table of them. */
export type LevelName = "follower.lag";

/** Attributes of a span or of a measure. */
export type TelemetryFacts = Readonly<Record<string, string | number>>;

/** A value of a level, with its attributes. */
export type Observation = { readonly value: number; readonly facts: TelemetryFacts };

/** A running span. */
export type TelemetrySpan = {
  /** Adds attributes. */
  readonly set: (facts: TelemetryFacts) => void;
  /** Calls a function with this span as the current one. */
  readonly run: <Result>(work: () => Result) => Result;
  /** Ends the span. `failure` is the code of the refusal or of the error that ended the step. */
  readonly end: (failure?: TelemetryFailure) => void;
};

/** The end of a step that failed. */
export type TelemetryFailure = {
  /** The code of the refusal or of the error, such as `rate-limited`. */
  readonly code: string;
  /** True if the server failed. False if it refused the request. */
  readonly isFault: boolean;
};

/** Receives the spans and the measures of a sync server. `openTelemetry()` of `dacapo/telemetry` makes one. */
export type Telemetry = {
  /**
   * Starts a span.
   *
   * @param from the request that caused the step, or the spans that did: the first is the parent, the others are links
   */
  readonly startSpan: (name: SpanName, from: Request | readonly TelemetrySpan[]) => TelemetrySpan;
  /** Adds a value to a measure. Times are in seconds, sizes in bytes. */
  readonly record: (measure: MeasureName, value: number, facts?: TelemetryFacts) => void;
  /**
   * Reads a level each time that metrics are collected, until the returned function is called.
   *
   * @default the levels are not read
   */
  readonly observe?: (level: LevelName, read: () => readonly Observation[]) => () => void;
};
