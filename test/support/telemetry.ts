/** The real OpenTelemetry SDK, with exporters that keep everything in memory. */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { openTelemetry, type Telemetry } from "../../src/sync-server/telemetry.ts";

export type KeptSpan = ReturnType<InMemorySpanExporter["getFinishedSpans"]>[number];

/** One series of a metric. `count` is the number of values of a histogram. */
export type Series = {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
  readonly count: number;
};

export type KeptTelemetry = {
  readonly telemetry: Telemetry;
  readonly spans: () => readonly KeptSpan[];
  readonly named: (name: string) => readonly KeptSpan[];
  /** All series of a metric since the start. */
  readonly metric: (name: string) => Promise<readonly Series[]>;
  /** All exported spans and metrics as one text. */
  readonly text: () => Promise<string>;
};

export function keptTelemetry(): KeptTelemetry {
  const spanExporter = new InMemorySpanExporter();
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })] });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  const collect = async () => {
    metricExporter.reset();
    await reader.forceFlush();
    return metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  };
  const spans = () => spanExporter.getFinishedSpans();
  return {
    telemetry: openTelemetry({ tracer: tracers.getTracer("test"), meter: meters.getMeter("test") }),
    spans,
    named: (name) => spans().filter((span) => span.name === name),
    metric: async (name) =>
      (await collect())
        .filter(({ descriptor }) => descriptor.name === name)
        .flatMap(({ dataPoints }) =>
          dataPoints.map(({ attributes, value }) =>
            typeof value === "number"
              ? { attributes, value, count: 1 }
              : { attributes, value: value.sum ?? 0, count: value.count },
          ),
        ),
    text: async () =>
      JSON.stringify([
        await collect(),
        spans().map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status })),
      ]),
  };
}
