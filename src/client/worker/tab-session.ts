/**
 * One log that is open in one tab: engine, sync loop, election, presence and updates, connected with each other.
 *
 *   page ── calls ──► TabSession ──► Engine ──► LogStore
 *     ▲                │  │  └─────► SyncLoop ──► server
 *     └── PageUpdates ─┘  └────────► Leadership, OwnPresence ──► Peers (other tabs)
 *
 * Guarantees:
 * - Every tab executes commands. Only the leader tab syncs, confirms locally and tidies.
 * - A failure of background work shows in the status until the next background work succeeds.
 * - If the database was deleted, the tab ends its work, so that it leads no log and syncs none
 *   (test "deleteLog: ends the handles of other tabs, and leaves nothing behind").
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { RowDelta } from "../../core/fold/rows.ts";
import { type DacapoError, StorageLostError } from "../../core/values/errors.ts";
import { type PlainError, toPlainError } from "../../core/values/plain-error.ts";
import type { Json } from "../../core/values/json.ts";
import type { Presence } from "../../core/wire/messages.ts";
import { NO_LINKS } from "../engine/append-group.ts";
import { Engine } from "../engine/engine.ts";
import { storeFingerprint } from "../engine/log-summary.ts";
import { type Debounced, debounce, repeat } from "../env/throttle.ts";
import type { Settled } from "../messages/log-types.ts";
import type { TabMessage } from "../messages/tab-messages.ts";
import { type Lifecycle, requireJsonMeta, type WorkerStatus } from "../messages/worker-messages.ts";
import { nextOtherPresences } from "../presence/other-presences.ts";
import { OwnPresence } from "../presence/own-presence.ts";
import { databaseName } from "../stores/database-name.ts";
import { confirmLocally } from "../sync/confirm-locally.ts";
import { SyncLoop } from "../sync/sync-loop.ts";
import { Leadership } from "../tabs/leadership.ts";
import { connectPeers, type Peers } from "../tabs/peers.ts";
import { PageUpdates, rejectionsOf } from "./page-updates.ts";
import { reducedFeatures } from "./reduced-features.ts";
import type { SessionParts } from "./session-parts.ts";
import { isGone, leaderSync, statusOf } from "./status.ts";
import type { CommitId } from "../../core/values/ids.ts";

/**
 * Rows are stored and records sealed after a pause of `waitMs`. A log that never pauses is tidied every `maxWaitMs`.
 */
const TIDY_PAUSE = { waitMs: 2_000, maxWaitMs: 30_000 };
/** A log without a server confirms in a pause, because one transaction then serves many commits. */
const CONFIRM_PAUSE = { waitMs: 40, maxWaitMs: 1_000 };
/** Milliseconds between two reads of the store, because a tab may die between its write and its hint. */
const REFRESH_MS = 10_000;

export class TabSession {
  readonly engine: Engine;
  readonly updates: PageUpdates;
  readonly presence: OwnPresence;
  readonly #peers: Peers;
  readonly #confirming: Debounced;
  readonly #tidying: Debounced;
  readonly #sync: SyncLoop | null;
  readonly #leadership: Leadership;
  readonly #stopRefreshing: () => void;
  #otherPresences: readonly Presence[] = [];
  #failure: PlainError | null = null;
  #isClosed = false;

  static async open(parts: SessionParts): Promise<TabSession> {
    const engine = await Engine.open({
      ...parts,
      user: parts.options.user,
      synced: parts.transport !== null,
      changed: (deltas) => session.#rowsChanged(deltas),
      wrote: () => session.#peers.hint(),
    });
    const session = new TabSession(parts, engine);
    return session;
  }

  private constructor({ domain, env, transport, page, options, isVolatile }: SessionParts, engine: Engine) {
    const { log, user, namespace, visible } = options;
    const name = databaseName(log, user, namespace);
    const peers = connectPeers(env, isVolatile ? null : name);
    this.engine = engine;
    this.#peers = peers;
    this.#confirming = debounce(env, CONFIRM_PAUSE, () => {
      if (!transport) this.#workAsLeader(() => confirmLocally(engine, env));
    });
    this.#tidying = debounce(env, TIDY_PAUSE, () => this.#workAsLeader(() => engine.tidy()));
    const updates = new PageUpdates(page, () => ({
      status: this.#status(),
      rejections: rejectionsOf(engine),
      presence: this.#otherPresences,
    }));
    const sync =
      transport &&
      new SyncLoop({
        engine,
        transport,
        env,
        domainVersion: domain.version,
        whenStuck: options.whenStuck ?? "wait",
        changed: () => updates.schedule(),
        presence: (set, gone) => {
          const own = { client: engine.head.client, actor: user };
          const others = nextOtherPresences(this.#otherPresences, { set, gone }, own);
          peers.post({ type: "present", others });
          this.#showOtherPresences(others);
        },
      });
    const { post } = peers;
    const presence = new OwnPresence({ env, post, send: (data) => sync?.setPresence(data) });
    this.updates = updates;
    this.#sync = sync;
    this.presence = presence;
    this.#leadership = new Leadership({
      env,
      post,
      lock: `${name}:leader`,
      domainVersion: domain.version,
      visible,
      isAlone: peers.lacks !== null,
      storeFingerprint: () => storeFingerprint(engine),
      sync: () => leaderSync(this.#status(), Math.max(domain.version, sync?.state.domain ?? 0)),
      setLeader: (isLeader) => this.#setLeader(isLeader),
      onBeat: () => presence.onBeat(),
    });
    if (options.paused) this.setPaused(true);
    peers.listen((message) => this.#receive(message));
    post({ type: "hello" });
    this.wake();
    this.#stopRefreshing = repeat(env, REFRESH_MS, () => this.#refreshIfNeeded());
  }

  /** Resolves with the commit's id once the commit is durable. */
  async execute(requests: readonly CommandRequest[], meta: Json, endRejection: string | null): Promise<string> {
    requireJsonMeta(meta);
    return this.engine.execute(requests, meta, { ...NO_LINKS, endRejection });
  }

  settled(commitId: CommitId): Promise<Settled> {
    const settled = this.engine.settled(commitId);
    // Does not wait for a pause, because the caller waits for the commit to settle.
    if (!this.#sync) this.#confirming.runNow();
    return settled;
  }

  /** Wakes the sync loop. A log without a server requests the local confirmation instead. */
  wake(): void {
    if (this.#sync) this.#sync.wake();
    else this.#confirming.request();
  }

  setPaused(paused: boolean): void {
    if (!this.#sync) return;
    this.#sync.setPaused(paused);
    if (paused) return this.#leadership.stopCompeting();
    this.#leadership.compete();
    this.#leadership.offerLead();
  }

  /** The loop gets its signal before the store is read. Otherwise it would drop a wait that a server sets meanwhile. */
  handleLifecycle(event: Lifecycle): void {
    if (event !== "hidden") this.#leadership.offerLead();
    switch (event) {
      case "online":
      case "offline":
        this.#sync?.networkChanged();
        return;
      case "visible":
        this.#leadership.setVisible(true);
        this.#sync?.markStale();
        return void this.#refresh();
      case "resumed":
        this.#sync?.resumeFromFreeze();
        return void this.#refresh();
      case "hidden":
        this.#leadership.setVisible(false);
    }
  }

  /** @param error the error of each later call. @default `log-closed` */
  async close(error?: DacapoError): Promise<void> {
    if (this.#isClosed) return;
    // Before the peers, because closing the presence posts a last message.
    this.presence.close();
    this.#peers.close();
    this.#isClosed = true;
    this.updates.close();
    this.#tidying.stop();
    this.#confirming.stop();
    this.#leadership.close();
    this.#stopRefreshing();
    this.#sync?.close();
    await this.engine.close(error);
    // Sends the answers to calls that the closing engine refused.
    this.updates.flush();
  }

  /** Handles a message of another tab. */
  #receive(message: TabMessage): void {
    const { isLeader } = this.#leadership;
    this.#leadership.receive(message);
    switch (message.type) {
      case "wrote":
        return void this.#refresh();
      case "beat":
        if (isLeader) return;
        if (message.stands !== storeFingerprint(this.engine)) void this.#catchUp(message.stands);
        if (this.#sync) this.presence.answerBeat();
        return this.updates.schedule();
      case "show":
        return this.presence.receive(message);
      case "hello":
        if (isLeader) this.#peers.post({ type: "present", others: this.#otherPresences });
        return;
      case "present":
        if (!isLeader) this.#showOtherPresences(message.others);
    }
  }

  /** Reads the store. If it still differs from the leader's view, the leader missed a hint and gets another. */
  async #catchUp(leaderFingerprint: string): Promise<void> {
    await this.#refresh();
    if (storeFingerprint(this.engine) !== leaderFingerprint) this.#peers.post({ type: "wrote" });
  }

  /** Only the leader and a tab whose last read failed read periodically. A follower compares itself with each beat. */
  #refreshIfNeeded(): void {
    if (this.#leadership.isLeader || this.#failure !== null) void this.#refresh();
  }

  /** Reads what other tabs wrote, then continues. */
  async #refresh(): Promise<void> {
    await this.#guard(() => this.engine.refresh());
    this.wake();
  }

  #rowsChanged(deltas: readonly RowDelta[]): void {
    this.updates.addRows(deltas);
    this.#tidying.request();
  }

  #workAsLeader(run: () => Promise<void>): void {
    if (this.#isActiveLeader) void this.#guard(run);
  }

  get #isActiveLeader(): boolean {
    return this.#leadership.isLeader && !this.#isClosed;
  }

  #setLeader(isLeader: boolean): void {
    this.presence.setLeader(isLeader);
    // Reads first, because the tab that led before may have written without a hint.
    if (isLeader) void this.#refresh().then(() => this.#sync?.setLeader(this.#isActiveLeader));
    else this.#sync?.setLeader(false);
    // Followers still show the presences of the last leader. The server may never report some of them to this leader.
    if (isLeader && this.#otherPresences.length > 0) this.#peers.post({ type: "present", others: [] });
    this.#showOtherPresences([]);
  }

  #showOtherPresences(otherPresences: readonly Presence[]): void {
    this.#otherPresences = otherPresences;
    this.updates.schedule();
  }

  /** Runs background work. No caller waits for it, so its failure shows in the status. */
  async #guard(run: () => Promise<void>): Promise<void> {
    try {
      await run();
      this.#failure = null;
    } catch (error) {
      if (this.#isClosed) return;
      this.#failure = toPlainError(error);
      this.updates.schedule();
      if (!(error instanceof StorageLostError) || !isGone(this.#failure)) return;
      this.updates.flush();
      await this.close(error);
    }
  }

  #status(): WorkerStatus {
    return statusOf({
      domain: this.engine.replica.domain.version,
      log: this.engine.summary,
      sync: this.#sync && this.#sync.state,
      leader: this.#leadership.isLeader,
      led: this.#leadership.leaderSync,
      reduced: reducedFeatures([this.#leadership.lacksLocks ? "locks" : null, this.#peers.lacks]),
      error: this.#failure,
      commandOf: (id) => this.engine.pendingCommit(id)?.commands[0],
    });
  }
}
