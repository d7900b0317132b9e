/**
 * One open log in the worker: wiring of store, engine, sync loop, tabs and page. It decides nothing.
 *
 * Holds: updates to the page are numbered and leave in order; what `execute` resolved is in the update that answers it, or that its answer names.
 */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import { type PlainError, toPlainError, ValidationError } from "../../core/values/errors.ts";
import type { Json } from "../../core/values/json.ts";
import type { Presence } from "../../core/wire/messages.ts";
import { positionOf } from "../../core/history/record.ts";
import { Engine } from "../engine/engine.ts";
import type { Env } from "../env/env.ts";
import { archiveCalls } from "./archive-calls.ts";
import { nextOthers } from "../presence/other-presences.ts";
import { NO_LINKS } from "../engine/append-group.ts";
import { readHistory, readStateAt } from "./history.ts";
import type { LogStatus } from "../messages/log-types.ts";
import type { LogStore } from "../stores/log-store.ts";
import { throttle, debounce } from "../env/throttle.ts";
import { pageUpdates, rejectionsOf } from "./page-updates.ts";
import { leaderSync, statusOf } from "./status.ts";
import { confirmLocally } from "../sync/confirm-locally.ts";
import { SyncLoop } from "../sync/sync-loop.ts";
import type { Transport } from "../sync/transport.ts";
import { Leadership } from "../tabs/leadership.ts";
import { type LeaderSync, listenTabs, type TabMessage } from "../messages/tab-messages.ts";
import { showPresence } from "../presence/own-presence.ts";
import { undoRedo } from "./undo-redo.ts";
import { redoTarget, undoTarget } from "./undo-stack.ts";
import {
  callResult,
  callResultNow,
  type Lifecycle,
  type OpenOptions,
  type UpdateSink,
  type WorkerLog,
  type ExecuteCall,
  requireJsonMeta,
  requirePresence,
} from "../messages/worker-messages.ts";

/** Rows are stored and records sealed when nothing has changed for so long; in a log that never rests, after the longer time. */
const TIDY_MS = 2_000;
const TIDY_MS_MAX = 30_000;
/** A log without a server confirms in a pause: many commits in one transaction, and none between a person's commands. */
const CONFIRM_PAUSE = { waitMs: 40, maxWaitMs: 1_000 };
/** Other tabs are told at once of what was written, then at most so often: each hint makes each of them read. */
const HINT_MS = 20;

/** A tab may die between its write and its hint, and a look may fail: so the leader, and who failed, look now and then. */
const LOOK_MS = 10_000;

export type WorkerLogParts = {
  readonly domain: DomainDefinition;
  readonly options: OpenOptions;
  readonly page: UpdateSink;
  readonly env: Env;
  readonly store: LogStore;
  /** Null: a local log. */
  readonly transport: Transport | null;
};

export async function openWorkerLog({
  domain,
  options,
  page,
  env,
  store,
  transport,
}: WorkerLogParts): Promise<WorkerLog> {
  const { log, user } = options;

  let others: readonly Presence[] = [];
  let visible = options.visible;
  let failure: PlainError | null = null;
  let closed = false;
  let led: LeaderSync | null = null;

  const channel = env.channel(`dacapo:${log}:${user}`);
  const post = (message: TabMessage) => {
    if (!closed) channel.post(message);
  };

  const hints = throttle(env, HINT_MS, () => post({ type: "wrote" }));

  const engine = await Engine.open({
    domain,
    store,
    env,
    user,
    synced: transport !== null,
    changed: (deltas) => {
      updates.rows(deltas);
      tidying.ask();
    },
    wrote: () => hints.ask(),
  });

  const confirming = debounce(env, CONFIRM_PAUSE, () => {
    if (!sync && leadership.leading && !closed) void guard(() => confirmLocally(engine, env));
  });
  const tidying = debounce(env, { waitMs: TIDY_MS, maxWaitMs: TIDY_MS_MAX }, () => {
    if (leadership.leading && !closed) void guard(() => engine.tidy());
  });
  const updates = pageUpdates(page, () => ({ status: status(), rejections: rejectionsOf(engine), presence: others }));
  const sync =
    transport &&
    new SyncLoop({
      engine,
      transport,
      env,
      domainVersion: domain.version,
      changed: () => updates.soon(),
      presence: (set, gone) => {
        others = nextOthers(others, { set, gone }, { client: engine.head.client, actor: user });
        post({ type: "present", others });
        updates.soon();
      },
    });
  const shown = showPresence({ env, post, tell: (data) => sync?.setPresence(data) });
  const leadership = new Leadership({
    env,
    post,
    lock: `dacapo:${log}:${user}:leader`,
    rank: () => ({ domain: domain.version, visible }),
    stands,
    sync: () => leaderSync(status()),
    lead: (leader) => {
      led = null;
      shown.lead(leader);
      if (leader) void look().then(() => sync?.setLeader(leadership.leading && !closed));
      else sync?.setLeader(false);
      // Who follows knows them too, and the new leader may hear of none of them.
      if (leader && others.length > 0) post({ type: "present", others: [] });
      others = [];
      updates.soon();
    },
    beats: () => shown.beat(),
  });

  listenTabs(channel, (message) => {
    leadership.heard(message);
    if (message.type === "wrote") void look();
    if (message.type === "beat" && !leadership.leading && message.stands !== stands()) void compare(message.stands);
    if (message.type === "beat" && !leadership.leading) {
      led = message.sync;
      if (sync) shown.answerBeat();
      updates.soon();
    }
    if (message.type === "show") shown.heard(message);
    if (message.type === "hello" && leadership.leading) post({ type: "present", others });
    if (message.type === "present" && !leadership.leading) {
      others = message.others;
      updates.soon();
    }
  });

  function stands(): string {
    const { generation, pendingTail } = engine.head;
    return [
      generation,
      positionOf(engine.replica.cursor),
      pendingTail,
      engine.pendingCount,
      engine.rejections.length,
    ].join(" ");
  }

  /** This tab has missed a hint, or else the leader has. */
  async function compare(leaderStands: string): Promise<void> {
    await look();
    if (stands() !== leaderStands) post({ type: "wrote" });
  }

  function lookAtTimes(): void {
    env.setTimer(() => {
      if (closed) return;
      if (leadership.leading || failure !== null) void look();
      lookAtTimes();
    }, LOOK_MS);
  }

  /** Reads what other tabs wrote, then goes on with what there is to do. */
  async function look(): Promise<void> {
    await guard(() => engine.refresh());
    goOn();
  }

  function goOn(): void {
    if (sync) sync.wake();
    else confirming.ask();
  }

  async function guard(run: () => Promise<void>): Promise<void> {
    try {
      await run();
      failure = null;
    } catch (error) {
      if (closed) return;
      failure = toPlainError(error);
      updates.soon();
    }
  }

  /** Lets the update leave that shows what was done, before the answer that it was done. */
  const withUpdate = <T>(done: Promise<T>): Promise<T> => done.finally(() => updates.seq());
  const archive = archiveCalls(engine, log);
  const takeBack = undoRedo(engine, made);

  const api: WorkerLog = {
    opened: () => callResultNow(() => ({ client: engine.head.client, update: updates.whole() })),
    executeBatch(text) {
      const calls: readonly ExecuteCall[] = JSON.parse(text);
      updates.expect(calls.length);
      for (const { call, requests, meta, endRejection } of calls) {
        void callResult(async () => ({ commit: await commit(requests, meta, endRejection) })).then((given) => {
          updates.answer({ call, answer: given });
          // What comes next is not what a person waits for.
          goOn();
        });
      }
    },
    undo: () => callResult(() => takeBack(undoTarget)),
    redo: () => callResult(() => takeBack(redoTarget)),
    withdraw: (commit) => withUpdate(callResult(() => engine.withdraw(commit).then(() => null))),
    exportNext: archive.exportNext,
    importNext: (piece, place) => withUpdate(archive.importNext(piece, place)),
    settled: (commit) =>
      callResult(async () => {
        const settled = engine.settled(commit);
        if (!sync) confirming.now();
        return { settled: await settled, seq: updates.seq() };
      }),
    discard: (commit) => withUpdate(callResult(() => engine.discard(commit).then(() => null))),
    watch: (projection) =>
      callResultNow(() => {
        if (!domain.projections.has(projection)) {
          throw new ValidationError({
            message: `There is no projection ${projection} in the worker's domain`,
            fix: "Add it to defineDomain.",
          });
        }
        updates.watch(projection);
        return { seq: updates.seq(), entries: JSON.stringify(engine.replica.entries(projection)) };
      }),
    history: (stream) => callResult(() => readHistory(engine, stream)),
    stateAt: (stream, version) => callResult(() => readStateAt(engine, stream, version)),
    setPresence: (data) =>
      callResultNow(() => {
        requirePresence(data);
        shown.set(data);
        return null;
      }),
    setPaused: (paused) =>
      callResultNow(() => {
        sync?.setPaused(paused);
        if (sync && paused) leadership.standDown();
        if (sync && !paused) leadership.standUp();
        return null;
      }),
    lifecycle: (event) => takeLifecycle(event),
    close: () =>
      callResult(async () => {
        hints.stop();
        shown.close();
        closed = true;
        updates.close();
        tidying.stop();
        confirming.stop();
        leadership.close();
        sync?.close();
        channel.close();
        await engine.close();
        updates.seq();
        return null;
      }),
  };

  async function commit(requests: readonly CommandRequest[], meta: Json, endRejection: string | null): Promise<string> {
    requireJsonMeta(meta);
    return engine.execute(requests, meta, { ...NO_LINKS, endRejection });
  }

  /** What is told of a commit that is durable: with it, the number of the update that shows it. */
  function made(commit: string) {
    goOn();
    return { commit, seq: updates.seq() };
  }

  function status(): LogStatus {
    return statusOf({
      standing: engine.standing,
      sync: sync && sync.state,
      leader: leadership.leading,
      led,
      error: failure,
    });
  }

  function takeLifecycle(event: Lifecycle): void {
    switch (event) {
      case "online":
      case "offline":
        sync?.setOnline(event === "online");
        return;
      case "visible":
        visible = true;
        void look().then(() => sync?.markStale());
        return;
      case "resumed":
        void look().then(() => sync?.resumeFromFreeze());
        return;
      case "hidden":
        visible = false;
    }
  }

  post({ type: "hello" });
  goOn();
  lookAtTimes();
  return api;
}
