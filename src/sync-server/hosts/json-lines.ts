/** Writes log entries as lines of JSON. */
import type { LogEntry } from "../base/log-entry.ts";

/** A stream that takes text, such as `process.stdout`. */
export type LineStream = {
  /** Writes a text. */
  write(text: string): unknown;
};

/**
 * Returns an `onLog` that writes each entry as one line of JSON, with its time.
 *
 * @example
 * await serve({ domain, store, authorize, onLog: jsonLines(process.stdout) });
 * // {"time":"2026-11-29T09:00:00.000Z","level":"info","event":"push","log":"team-7","actor":"ada", … ,"ms":4}
 */
export function jsonLines(stream: LineStream): (entry: LogEntry) => void {
  return (entry) => void stream.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
}
