/**
 * Spans and metrics of a sync server through OpenTelemetry's API.
 *
 * Place: the entry `dacapo/telemetry`. It alone imports `@opentelemetry/api`, an optional peer. An app brings the SDK
 * with its exporters.
 *
 * Guarantees (telemetry.test.ts):
 * - A span's parent is the current span, such as that of an HTTP instrumentation. Without one, it is the sender's
 *   `traceparent`.
 * - A batch of several pushes is a child of its first push, and has a link to each other one.
 *
 * @module dacapo/telemetry
 */
import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type Meter,
  metrics,
  type ObservableCallback,
  type ObservableGauge,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { type OptionNames, requireKnownOptions } from "../core/values/known-options.ts";
import type {
  LevelName,
  MeasureName,
  SpanName,
  Telemetry,
  TelemetryFacts,
  TelemetryFailure,
  TelemetrySpan,
} from "./base/telemetry.ts";

export type {
  LevelName,
  MeasureName,
  Observation,
  SpanName,
  Telemetry,
  TelemetryFacts,
  TelemetryFailure,
  TelemetrySpan,
} from "./base/telemetry.ts";

/** Options of `openTelemetry`. */
export type OpenTelemetryOptions = {
  /**
   * The tracer that starts the spans.
   *
   * @default the tracer `dacapo` of the global provider, with the version of the package
   */
  readonly tracer?: Tracer;
  /**
   * The meter of the metrics.
   *
   * @default the meter `dacapo` of the global provider. Register the provider before this call.
   */
  readonly meter?: Meter;
};

const OPTIONS: OptionNames<OpenTelemetryOptions> = { tracer: true, meter: true };

/** The version of the package (telemetry.test.ts), in the scope of each span and metric. */
const VERSION = "0.1.0";

/** Seconds. An append to a local file takes a millisecond, and a push on a slow link takes minutes. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const COMMITS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000];

const SPANS: readonly SpanName[] = [
  "push",
  "pull",
  "batch",
  "decide",
  "append",
  "catch_up",
  "export",
  "import",
  "drop",
  "execute",
];
/** The spans of whole requests. */
const REQUESTS = new Set<SpanName>(["push", "pull", "export"]);

/**
 * Sends the spans and the metrics of a sync server to OpenTelemetry. `docs/operating.md` lists them.
 *
 * @example
 * import { serve } from "dacapo/node";
 * import { openTelemetry } from "dacapo/telemetry";
 * await serve({ domain, store, authorize, telemetry: openTelemetry() });
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  requireKnownOptions("`openTelemetry`", options, OPTIONS);
  const { tracer = trace.getTracer("dacapo", VERSION), meter = metrics.getMeter("dacapo", VERSION) } = options;
  const measures = createMeasures(meter);
  const levels = createLevels(meter);
  const durations = new Map(SPANS.map((name) => [name, durationOf(meter, name)]));
  return {
    startSpan: (name, from) => {
      const [parent, links] = causesOf(from);
      const kind = REQUESTS.has(name) && trace.getSpan(context.active()) === undefined ? SpanKind.SERVER : undefined;
      const span = tracer.startSpan(`dacapo.${name}`, { links, ...(kind !== undefined && { kind }) }, parent);
      return new OpenSpan(span, trace.setSpan(parent, span), durations.get(name));
    },
    record: (measure, value, facts) => measures[measure](value, facts && attributesOf(facts)),
    observe: (level, read) => {
      const observed: ObservableCallback = (result) => {
        for (const { value, facts } of read()) result.observe(value, attributesOf(facts));
      };
      levels[level].addCallback(observed);
      return () => levels[level].removeCallback(observed);
    },
  };
}

class OpenSpan implements TelemetrySpan {
  readonly span: Span;
  readonly context: Context;
  readonly #duration: Histogram | undefined;
  readonly #startedAt = performance.now();

  constructor(span: Span, spanContext: Context, duration: Histogram | undefined) {
    this.span = span;
    this.context = spanContext;
    this.#duration = duration;
  }

  set(facts: TelemetryFacts): void {
    this.span.setAttributes(attributesOf(facts));
  }

  run<Result>(work: () => Result): Result {
    return context.with(this.context, work);
  }

  end(failure?: TelemetryFailure): void {
    const type: Attributes = failure ? { "error.type": failure.code } : {};
    this.span.setAttributes(type);
    // The convention for servers: a refused request is not an error of the server.
    if (failure?.isFault) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.#duration?.record((performance.now() - this.#startedAt) / 1000, type, this.context);
    this.span.end();
  }
}

/** The parent of a span, and the spans that it is linked to. */
function causesOf(from: Request | readonly TelemetrySpan[]): [Context, { context: ReturnType<Span["spanContext"]> }[]] {
  const active = context.active();
  if (from instanceof Request) return [trace.getSpan(active) ? active : remoteParent(active, from.headers), []];
  const [first, ...others] = from.filter((span) => span instanceof OpenSpan);
  return [first?.context ?? active, others.map(({ span }) => ({ context: span.spanContext() }))];
}

function remoteParent(active: Context, headers: Headers): Context {
  return propagation.extract(active, headers, {
    get: (carrier, key) => carrier.get(key) ?? undefined,
    keys: (carrier) => [...carrier.keys()],
  });
}

function attributesOf(facts: TelemetryFacts): Attributes {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [/^(?:error|network)\./.test(name) ? name : `dacapo.${name}`, value]),
  );
}

function durationOf(meter: Meter, name: SpanName): Histogram {
  return meter.createHistogram(`dacapo.${name}.duration`, {
    unit: "s",
    description: `Duration of each ${name}`,
    advice: { explicitBucketBoundaries: SECONDS },
  });
}

function createLevels(meter: Meter): Record<LevelName, ObservableGauge> {
  return {
    "follower.lag": meter.createObservableGauge("dacapo.follower.lag", {
      unit: "{event}",
      description: "Events that a follower is behind, in the log where it is furthest behind",
    }),
  };
}

function createMeasures(meter: Meter): Record<MeasureName, (value: number, attributes?: Attributes) => void> {
  const counter = (name: string, unit: string, description: string) => {
    const instrument = meter.createCounter(name, { unit, description });
    return (value: number, attributes?: Attributes) => instrument.add(value, attributes);
  };
  const level = (name: string, unit: string, description: string) => {
    const instrument = meter.createUpDownCounter(name, { unit, description });
    return (value: number, attributes?: Attributes) => instrument.add(value, attributes);
  };
  const histogram = (name: string, unit: string, description: string, boundaries: number[]) => {
    const instrument = meter.createHistogram(name, {
      unit,
      description,
      advice: { explicitBucketBoundaries: boundaries },
    });
    return (value: number, attributes?: Attributes) => instrument.record(value, attributes);
  };
  return {
    commits: counter("dacapo.commits", "{commit}", "Commits with an outcome"),
    events: counter("dacapo.events", "{event}", "Events that were appended"),
    "batch.size": histogram("dacapo.batch.size", "{commit}", "Commits of each batch", COMMITS),
    "queue.length": level("dacapo.queue.length", "{push}", "Pushes that wait or are being decided"),
    sockets: level("dacapo.sockets", "{socket}", "Open live sockets"),
    frames: counter("dacapo.frames", "{frame}", "Frames that were sent to live sockets"),
    "frame.lag": histogram(
      "dacapo.frame.lag",
      "s",
      "Time from the decision of a record until its frame was sent",
      SECONDS,
    ),
    io: counter("dacapo.io", "By", "Bytes of pushes, answers and frames, before compression"),
    refusals: counter("dacapo.refusals", "{refusal}", "Refused requests"),
    failures: counter("dacapo.failures", "{failure}", "Failures of the server, of its store or of the app's functions"),
    parked: counter("dacapo.parked", "{event}", "Events and commands that followers parked"),
  };
}
