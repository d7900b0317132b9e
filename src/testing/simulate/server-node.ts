/**
 * A server node: the real writer, hub and request handlers over the shared store, without HTTP.
 *
 * Guarantees:
 * - A crash loses the node's memory. No code of the old process continues, and the new process starts from the store.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { type Cursor, decodeCursor, encodeCursor } from "../../core/history/record.ts";
import { createAdmission } from "../../sync-server/access/admission.ts";
import { answerInfo, answerPull, answerPush } from "../../sync-server/http/push-pull.ts";
import type { Permit } from "../../sync-server/access/authorize.ts";
import type { Env } from "../../sync-server/base/env.ts";
import { HttpRefusal } from "../../sync-server/base/http-refusal.ts";
import { byteLength, SERVER_LIMITS, type ServerLimits } from "../../sync-server/base/limits.ts";
import { createLiveHub } from "../../sync-server/live/hub.ts";
import type { LiveConnection, LiveSocket } from "../../sync-server/live/server-socket.ts";
import { createLogWriter } from "../../sync-server/writer/log-writer.ts";
import type { EventStore, StoredRecord } from "../../sync-server/stores/event-store.ts";
import { answerBase, startBases } from "./node-bases.ts";
import type { NodeBus } from "./node-bus.ts";
import type { NodeHandler, NodeReply, NodeRequest, SimulationParts } from "./parts.ts";
import type { Owner, Scheduler } from "./scheduler.ts";
import { nodeStore, type ServerStore, type StoreFailures } from "./server-store.ts";
import type { ServerWitness } from "./server-witness.ts";

export type NodeOptions = {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly store: ServerStore;
  readonly failures: StoreFailures;
  readonly slowness: number;
  /** The messages to the other nodes. Null: a store without hints and presence. */
  readonly bus: NodeBus | null;
  readonly permit: Permit;
  readonly now: () => number;
  /** Keeps bases, and sends small pages. */
  readonly hasBases: boolean;
  /** Accepts few commits and sockets of each actor. */
  readonly isStrict: boolean;
  /** Whether the node refuses a request now and sets a retry time. */
  readonly isBusy: () => boolean;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly parts: SimulationParts;
  readonly witness: ServerWitness;
  readonly isHonest: (actor: string) => boolean;
  /** Called with each error that a node reports to its operator. */
  readonly report: (error: unknown) => void;
};

export class ServerNode {
  owner: Owner;
  domain: DomainDefinition;
  /** The error of its clock in milliseconds. */
  skewMs = 0;
  readonly #options: NodeOptions;
  #running: Running;

  constructor(options: NodeOptions, domain: DomainDefinition) {
    this.#options = { ...options, now: () => options.now() + this.skewMs };
    this.domain = domain;
    this.owner = { name: options.name, state: "running" };
    this.#running = start(this.#options, this.owner, domain);
  }

  get isUp(): boolean {
    return this.owner.state === "running";
  }

  crash(): void {
    this.owner.state = "dead";
  }

  start(domain: DomainDefinition): void {
    this.owner.state = "dead";
    this.domain = domain;
    this.owner = { name: this.#options.name, state: "running" };
    this.#running = start(this.#options, this.owner, domain);
  }

  /** Handles a request. The promise never settles if the node dies before the reply. */
  async handle(request: NodeRequest): Promise<NodeReply> {
    const { witness, isHonest } = this.#options;
    const seeReply = witness.seeRequest(request, isHonest(request.actor));
    const reply = await this.#running.handle(request);
    seeReply(reply);
    return reply;
  }

  /** Accepts a socket, or returns the reason of the refusal. */
  join(socket: LiveSocket, log: string, actor: string, after: string | null): Promise<LiveConnection | NodeReply> {
    return this.#running.join(socket, log, actor, after);
  }

  /** Appends a record as the writer does, and publishes it. */
  append(log: string, after: Cursor | null, record: StoredRecord): Promise<void> {
    return this.#running.append(log, after, record);
  }
}

type Running = {
  readonly handle: NodeHandler;
  readonly join: ServerNode["join"];
  readonly append: ServerNode["append"];
};

function start(options: NodeOptions, owner: Owner, domain: DomainDefinition): Running {
  const { scheduler, permit, parts, report } = options;
  const [limits, env] = [limitsOf(options), envOf(options, owner)];
  const raw = nodeStore(
    options.store,
    owner,
    scheduler,
    options.failures,
    options.slowness,
    options.bus,
    options.hasBases,
  );
  const context = { random: scheduler.random, wait: (label: string, ms: number) => scheduler.wait(owner, label, ms) };
  const store: EventStore = parts.eventStore?.(raw, context) ?? raw;
  const admission = createAdmission({ authorize: () => null, permit, limits, env, report });
  const hub = createLiveHub({ store, limits, env, report, ticks: true, ...admission });
  const onAppended: typeof hub.publish = (log, appended) => {
    hub.publish(log, appended);
    store.hints?.send(log);
    bases.appended(log, appended?.head ?? null);
  };
  store.hints?.listen(hub.poke);
  const release = parts.release?.(domain, "server") ?? domain;
  const bases = startBases({ domain: release, store, env, report, isBusy: () => writer.isBusy() });
  const writer = createLogWriter({ domain: release, store, permit, limits, env, report, onAppended });

  const plain: NodeHandler = async (request) => {
    const principal = { actor: request.actor };
    refuseIfBusy(options, scheduler);
    await admission.checkReader(principal, request.log);
    if (request.kind === "push") {
      const body = { text: request.text, bytes: byteLength(request.text) };
      return ok(await answerPush({ domain: release, store, limits, admission, writer }, principal, request.log, body));
    }
    if (request.kind === "base") return ok(await answerBase(bases, request, scheduler.random));
    if (request.kind === "info") return ok(await answerInfo({ store, limits, domain }, request.log));
    const after = request.after === null ? null : decodeCursor(request.after);
    return ok(
      await answerPull(
        { domain: release, store, limits },
        request.log,
        after,
        request.limit ?? limits.pageEventsMax,
        request.bytes,
      ),
    );
  };
  const handler = parts.node?.(plain) ?? plain;
  return {
    handle: async (request) => {
      try {
        return await handler(request);
      } catch (error) {
        if (!(error instanceof HttpRefusal)) report(error);
        return refused(error);
      }
    },
    append: async (log, after, record) => {
      const batch = { expected: after, records: [record], outcomes: [], forgetOutcomesBefore: 0 };
      const { kind } = await store.append(log, { ...batch, outcomesPerActorMax: limits.outcomesPerActorMax });
      if (kind === "ok") onAppended(log, { after, records: [record], head: record.cursor });
    },
    join: async (socket, log, actor, after) => {
      try {
        refuseIfBusy(options, scheduler);
        await admission.checkReader({ actor }, log);
        const refusal = hub.refusal(log, actor);
        if (refusal) throw new HttpRefusal(refusal);
        const at = after === null ? null : decodeCursor(after);
        return hub.join(socket, { log, cursor: at && encodeCursor(at), principal: { actor }, presence: null });
      } catch (error) {
        return refused(error);
      }
    },
  };
}

function limitsOf({ isStrict, bus, hasBases }: NodeOptions): ServerLimits {
  return {
    ...(isStrict ? STRICT_LIMITS : SERVER_LIMITS),
    ...(bus && { lookMs: LOOK_MS }),
    ...(hasBases && { pageEventsMax: BASES_PAGE_EVENTS }),
  };
}

function envOf({ now, randomBytes, scheduler }: NodeOptions, owner: Owner): Env {
  return {
    now,
    randomBytes,
    setTimer: (run, delayMs) => scheduler.later(owner, "timer", delayMs, run),
    nextTurn: () => scheduler.wait(owner, "gathers", scheduler.random.below(3)),
  };
}

/** A new device meets more than one page, so that it reads the base. */
const BASES_PAGE_EVENTS = 5;
/** With hints a node seldom looks by itself, so that a lost hint shows. */
const LOOK_MS = 60_000;
/** Few sockets and commits, and small answers. These limits stay after the world is healed. */
const STRICT_LIMITS: ServerLimits = {
  ...SERVER_LIMITS,
  commitRate: { perSecond: 0.5, burst: 3 },
  socketsPerActorMax: 1,
  frameBytesMax: 1_500,
};
/** The longest retry time that a server sets. */
const LATER_MS_MAX = 20_000;

function refuseIfBusy({ isBusy }: NodeOptions, { random }: Scheduler): void {
  if (isBusy()) throw new HttpRefusal("rate-limited", { retryAfterMs: random.below(LATER_MS_MAX) });
}

function ok(text: string): NodeReply {
  return { code: "ok", text, retryAfterMs: null };
}

function refused(error: unknown): NodeReply {
  if (error instanceof HttpRefusal) return { code: error.code, text: "", retryAfterMs: error.retryAfterMs };
  return { code: "unexpected", text: "", retryAfterMs: null };
}
