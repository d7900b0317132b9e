/** Measures the rows in the memory of a server: the texts that it reads between two writes, and those of a write. */
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
import type { ModelWrite } from "../../src/sync-server/stores/model-store.ts";
import { modelsOf } from "../../src/testing/model-store/samples.ts";

/** The largest numbers until now. */
export type MeasuredRows = {
  /** Characters of the rows that were read between two writes. */
  read: number;
  /** Rows of one write. */
  rows: number;
  /** Characters of one write: of its rows, and of the parameters of its statements. */
  written: number;
};

/** Changes the store, so that it measures its calls. */
export function measuredRows(store: EventStore): MeasuredRows {
  const largest: MeasuredRows = { read: 0, rows: 0, written: 0 };
  let read = 0;
  const models = modelsOf(store);
  const { rows, write } = { rows: models.rows.bind(models), write: models.write.bind(models) };
  const append = store.append.bind(store);
  const note = (change: ModelWrite | undefined): void => {
    read = 0;
    const changed = change?.rows ?? [];
    const texts = changed.flatMap(({ set, remove }) => [...set.map(([, text]) => text ?? ""), ...remove.map(() => "")]);
    largest.rows = Math.max(largest.rows, texts.length);
    const params = (change?.statements ?? []).flatMap((statement) => statement.params.map(String));
    largest.written = Math.max(
      largest.written,
      [...texts, ...params].reduce((sum, text) => sum + text.length, 0),
    );
  };
  models.rows = async (log, follower, table, range) => {
    const page = await rows(log, follower, table, range);
    for (const [, text] of page?.rows ?? []) read += text?.length ?? 0;
    largest.read = Math.max(largest.read, read);
    return page;
  };
  models.write = (log, change) => {
    note(change);
    return write(log, change);
  };
  store.append = (log, change) => {
    note(change.models);
    return append(log, change);
  };
  return largest;
}
