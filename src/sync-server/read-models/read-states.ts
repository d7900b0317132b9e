/**
 * Reads the states of streams as they are at the cursor of a follower: from its table of states, or from the log.
 *
 * The appends of a strong model write rows and no states, because the writer has read the states anyway. So the table
 * may lack a state or have an earlier one, if an append moved the follower before.
 *
 * Guarantees (read-states.test.ts):
 * - The states are those of a fold of the whole log, whatever the table has.
 * - A stream that begins in these records is not read.
 */
import { emptyStream, type StreamState } from "../../core/fold/fold.ts";
import { type CommitRecord, positionOf } from "../../core/history/record.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import { aggregateOf } from "../../core/values/names.ts";
import type { Env } from "../base/env.ts";
import type { LogTurn } from "../stores/event-store.ts";
import type { ModelStore } from "../stores/model-store.ts";
import { readKeys } from "../stores/read-keys.ts";
import { foldUpTo, type StreamSource } from "../streams/read-stream.ts";
import { stateOf } from "./fold-page.ts";
import type { FoldTask } from "./next-step.ts";
import { STATES } from "./read-model.ts";

export type StatesContext = {
  readonly store: LogTurn;
  readonly modelStore: ModelStore;
  readonly env: Pick<Env, "nextTurn">;
};

/** @throws TooManyRows if the states must be `few`, and are more than one page. */
export async function readStates(
  { store, modelStore, env }: StatesContext,
  log: LogName,
  { model, name, at }: Pick<FoldTask, "model" | "name" | "at">,
  records: readonly CommitRecord[],
  few = false,
): Promise<ReadonlyMap<StreamName, StreamState>> {
  const versions = versionsBefore(records, (aggregate) => model.projection.from.has(aggregate));
  if (versions.size === 0) return new Map();
  // If the follower moved meanwhile, these states are of another revision. Then the write is refused.
  const texts = await readKeys(modelStore, log, name, STATES, [...versions.keys()], few);
  const { domain } = model;
  const source: StreamSource = { store, log, domain, end: positionOf(at), onRead: () => env.nextTurn() };
  const stateAt = async ([stream, version]: [StreamName, number]): Promise<[StreamName, StreamState]> => {
    const stored = stateOf(texts.get(stream)) ?? emptyStream(domain, stream);
    return [stream, await foldUpTo(source, stream, stored, version)];
  };
  return new Map(await Promise.all(Array.from(versions, stateAt)));
}

/** The version of each stream before its first event in the records, without the streams that begin there. */
function versionsBefore(
  records: readonly CommitRecord[],
  isFolded: (aggregate: string) => boolean,
): ReadonlyMap<StreamName, number> {
  const versions = new Map<StreamName, number>();
  for (const { events } of records)
    for (const { stream, version } of events)
      if (!versions.has(stream) && isFolded(aggregateOf(stream))) versions.set(stream, version - 1);
  return new Map([...versions].filter(([, version]) => version > 0));
}
