/** A log writer without HTTP: a clock and turns that the test controls, and pushes as `admitPush` returns them. */
import type { Commit } from "../../src/core/history/commit.ts";
import type { Cursor } from "../../src/core/history/record.ts";
import type { Outcome } from "../../src/core/wire/messages.ts";
import type { Env } from "../../src/sync-server/base/env.ts";
import { SERVER_LIMITS, type ServerLimits } from "../../src/sync-server/base/limits.ts";
import type { Append, AppendResult, EventStore } from "../../src/sync-server/stores/event-store.ts";
import { memory } from "../../src/sync-server/stores/memory.ts";
import type { AdmittedPush, Appended, PushedCommit, PushResult } from "../../src/sync-server/writer/admit-push.ts";
import { createLogWriter, type LogWriterOptions } from "../../src/sync-server/writer/log-writer.ts";
import { storeThrough } from "../../src/testing/event-store/connections.ts";
import { domain } from "./board-domain.ts";
import { parseOwnJson } from "./own-json.ts";
import type { Seen } from "./sync-requests.ts";

const START = 1_000_000;

export type WriterSceneOptions = Partial<Omit<LogWriterOptions, "limits">> & {
  readonly limits?: Partial<ServerLimits>;
};
export type PushFacts = Partial<Omit<AdmittedPush, "principal" | "commits">> & {
  readonly log?: string;
  readonly actor?: string;
};

/** The outcomes of a push in short: "recorded", "empty", or the code of the rejection or of the refusal. */
export function kindsOf(result: PushResult): readonly string[] | string {
  if (result.kind === "refused") return result.code;
  return outcomesOf(result).map((one) => (one.outcome === "rejected" ? one.code : one.outcome));
}

export function outcomesOf(result: PushResult): readonly Outcome[] {
  return result.kind === "refused" ? [] : result.outcomes.map((text) => parseOwnJson<Outcome>(text));
}

/** A commit of these commands. */
export function commitOf(commands: readonly Seen[], facts: Partial<Commit> = {}): Commit {
  return {
    id: crypto.randomUUID(),
    client: "00000000-0000-4000-8000-000000000001",
    actor: "ada",
    time: START,
    meta: null,
    commands: commands.map(({ seen = 0, reads = [], ...command }) => ({ ...command, seen, reads, events: [] })),
    ...facts,
  };
}

export function writerScene({ limits, ...options }: WriterSceneOptions = {}) {
  const clock = { now: START };
  const errors: unknown[] = [];
  /** The milliseconds of each wait. A wait ends at once. */
  const waits: number[] = [];
  const published: (Appended | null)[] = [];
  const appends: Append[] = [];
  let draws = 0;
  let turn = Promise.resolve();
  const env: Env = {
    now: () => clock.now,
    // A single byte decides about the length of a wait: 128 is the middle.
    randomBytes: (count) =>
      count === 1 ? Uint8Array.of(128) : new Uint8Array(new BigUint64Array([BigInt(++draws)]).buffer).slice(0, count),
    setTimer: (run, ms) => {
      waits.push(ms);
      setImmediate(run);
      return () => {};
    },
    nextTurn: () => turn,
  };
  const given = options.store ?? memory();
  // Each scene is a node with its own way to the store, so that nodes can share one.
  const store: EventStore = storeThrough(
    (call) => call(given),
    () => Promise.resolve(),
  );
  const write = store.append.bind(store);
  /** A test may replace it, to fail an append or to append something else before it. */
  const hooks = { append: (next: () => Promise<AppendResult>, _log: string): Promise<AppendResult> => next() };
  store.append = (log, append) => {
    appends.push(append);
    return hooks.append(() => write(log, append), log);
  };
  const writer = createLogWriter({
    domain: domain.definition,
    permit: () => true,
    limits: { ...SERVER_LIMITS, ...limits },
    env,
    onAppended: (_, appended) => published.push(appended),
    report: (error) => errors.push(error),
    ...options,
    store,
  });
  return {
    writer,
    store,
    hooks,
    clock,
    errors,
    waits,
    published,
    appends,
    /** Keeps all batches from starting until the test calls the returned function. */
    hold: (): (() => void) => {
      let release = (): void => {};
      turn = new Promise((resolve) => (release = resolve));
      return release;
    },
    push: (
      commits: readonly (Commit | PushedCommit)[],
      { log = "board", actor = "ada", after = null, bytes = 100, ...facts }: PushFacts = {},
    ): Promise<PushResult> =>
      writer.push(log, {
        principal: { actor },
        after,
        domain: domain.definition.version,
        bytes,
        commits: commits.map((one) => ("commands" in one ? { id: one.id, commit: { ...one, actor } } : one)),
        ...facts,
      }),
    head: async (log = "board"): Promise<Cursor | null> => {
      const head = await store.head(log);
      return head.kind === "open" ? head.cursor : null;
    },
  };
}
