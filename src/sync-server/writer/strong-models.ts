/**
 * The strong read models of a server, as the log writer uses them: their rows at the head that a batch is planned on.
 *
 *     head ── open ──> StrongBatch ── fold each commit ──> write of the append ── put ──> rows of the next batch
 *
 * Guarantees (strong-models.test.ts):
 * - A batch folds only rows that contain the log up to its head. Rows that are behind are folded first, by the keeper.
 * - Each append names the revision of every strong model, 0 for a model without a follower. So an append that was
 *   planned on other rows fails, and the writer plans it again.
 * - The memory of a log and of all logs is bounded.
 */
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import { evictOldest } from "../base/evict-oldest.ts";
import { emptyNotes, type FollowerNotes } from "../read-models/follower-notes.ts";
import { isShown, LONG_EVENTS, startOf } from "../read-models/next-step.ts";
import type { ModelKeepers } from "../read-models/model-keepers.ts";
import type { LogTurn } from "../stores/event-store.ts";
import type { Follower } from "../stores/model-store.ts";
import { LogMoved } from "../streams/read-stream.ts";
import { KeptRows } from "./kept-rows.ts";
import type { ReadyModel, StrongStore } from "./model-rows.ts";
import { StrongBatch } from "./strong-batch.ts";
import { WatchedFold } from "./watched-fold.ts";

/** The read models of a server. `catchUp` lets the keeper of a log run, and waits for a write or `ms` milliseconds. */
export type StrongKeepers = Pick<ModelKeepers, "models" | "catchUp">;

export type StrongModelsOptions = {
  readonly keepers?: StrongKeepers;
  readonly env: Pick<Env, "now">;
  readonly report: (error: unknown) => void;
};

type Opener = {
  readonly store: Pick<LogTurn, "models">;
  readonly isTurn?: boolean;
  readonly refused?: StrongStore["refused"];
};

/** The rows of all strong models of a log at one head. */
type Kept = {
  readonly head: Cursor | null;
  readonly ready: readonly ReadyModel[];
  /** The time of the last append after which the keeper of the log ran. */
  readonly keeperAt: number;
};

const LOGS_MAX = 200;
/** Reads of rows that are behind, and the milliseconds that the writer waits before each. */
const CATCH_UP = { tries: 5, ms: 400 };
/** A keeper also removes the rows of old releases, so it runs at least this often in a log with appends. */
const KEEPER_MS = 60_000;

export class StrongModels {
  readonly #options: StrongModelsOptions;
  readonly #folds: readonly WatchedFold[];
  readonly #logs = new Map<LogName, Kept>();

  constructor(options: StrongModelsOptions) {
    this.#options = options;
    const models = [...(options.keepers?.models.values() ?? [])];
    this.#folds = models.filter(({ strong }) => strong !== null).map((model) => new WatchedFold(model));
  }

  /**
   * Opens the models for a batch that is planned on `head`, in a store or in a turn of the log. Null: they cannot check
   * commits now.
   *
   * @throws LogMoved if `head` is not the head of the log, or if a turn finds models that are behind. A turn waits for
   * no keeper, because the other nodes wait for the turn.
   */
  async open(
    log: LogName,
    head: Cursor | null,
    { store: events, isTurn, refused = new Map() }: Opener,
  ): Promise<StrongBatch | null> {
    const { env, report, keepers } = this.#options;
    const store: StrongStore = { log, models: events.models, now: env.now, report, refused };
    if (this.#folds.length === 0) return new StrongBatch(store, [], []);
    const kept = this.#logs.get(log);
    if (kept && sameCursor(kept.head, head)) return new StrongBatch(store, kept.ready, []);
    for (let tries = 0; tries < CATCH_UP.tries; tries++) {
      const followers = await followersAt(store, head);
      const standings = this.#folds.map((fold) => standingOf(fold, followers, head, env.now()));
      if (standings.every(({ kind }) => kind === "ready" || kind === "passes"))
        return new StrongBatch(
          store,
          standings.flatMap((one) => (one.kind === "ready" ? one.rows : [])),
          standings.flatMap((one) => (one.kind === "passes" ? { name: one.follower, revision: one.revision } : [])),
        );
      const isFar = standings.some(({ kind }) => kind === "unavailable");
      if (isTurn === true && !isFar) throw new LogMoved("The strong models are behind the log");
      // The keeper continues without this batch, so the devices find the rows ready when they push again.
      await keepers?.catchUp(log, isFar ? 0 : CATCH_UP.ms);
      if (isFar) return null;
    }
    return null;
  }

  /**
   * Keeps the rows of a batch that was appended, for the next batch. Returns true if the batch moved the rows of all
   * models of the server, so that the keeper of the log need not run.
   */
  put(log: LogName, batch: StrongBatch, head: Cursor | null): boolean {
    const { env, keepers } = this.#options;
    const before = this.#logs.get(log);
    this.drop(log);
    const ready = batch.appended();
    if (ready === null) return false;
    const now = env.now();
    const isKeeperRecent = before !== undefined && now - before.keeperAt < KEEPER_MS;
    this.#logs.set(log, { head, ready, keeperAt: isKeeperRecent ? before.keeperAt : now });
    evictOldest(this.#logs, () => this.#logs.size > LOGS_MAX);
    return isKeeperRecent && ready.length === keepers?.models.size;
  }

  drop(log: LogName): void {
    this.#logs.delete(log);
  }
}

async function followersAt({ models, log }: StrongStore, head: Cursor | null): Promise<readonly Follower[]> {
  const found = await models?.followers(log);
  const actual = found?.kind === "open" ? found.head : null;
  if (!sameCursor(actual, head)) throw new LogMoved("The log moved while the strong models were read");
  return found?.kind === "open" ? found.followers : [];
}

type Standing =
  | { readonly kind: "ready"; readonly rows: ReadyModel }
  /** The rows are not built yet, and the model lets commits pass until they are. */
  | { readonly kind: "passes"; readonly follower: string; readonly revision: number }
  /** An older release appended, so its few events must be folded first. Or the rows have another history. */
  | { readonly kind: "behind" }
  | { readonly kind: "unavailable" };

function standingOf(fold: WatchedFold, followers: readonly Follower[], head: Cursor | null, now: number): Standing {
  const { model } = fold;
  const follower = followers.find(({ name }) => name === model.follower);
  const rows = { fold, stored: new KeptRows(), isByStream: true, shows: isShown(model, followers, now) };
  const revision = follower?.revision ?? 0;
  if (head === null) {
    const notes: FollowerNotes = { ...emptyNotes(model.domain.version, now), phase: "ready", readyAt: now };
    return { kind: "ready", rows: { ...rows, revision, notes, isNew: true } };
  }
  const { at, notes } = startOf(model, follower);
  const missing = head.position - positionOf(at);
  if (notes?.phase !== "ready")
    return model.strong?.untilReady === "refuse"
      ? { kind: "unavailable" }
      : { kind: "passes", follower: model.follower, revision };
  if (missing > LONG_EVENTS) return { kind: "unavailable" };
  // Rows of another history are built again too. They are ahead of a log that was restored without them.
  if (!sameCursor(at, head)) return { kind: "behind" };
  return { kind: "ready", rows: { ...rows, revision, notes, isNew: false } };
}
