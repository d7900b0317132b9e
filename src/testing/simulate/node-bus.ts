/**
 * The messages between the nodes on one store: hints and presence, as LISTEN and NOTIFY of Postgres carry them.
 *
 * Guarantees (S13, S14):
 * - The messages of a node arrive in order and at most once, and never at their sender.
 * - A node that lost its connection hears nothing. When it hears again, it gets the hint `null`.
 * - A message may also be lost without a word, because the statement that sends it may fail.
 */
import type { PresenceMessage, StoreHints, StorePresence } from "../../sync-server/stores/between-nodes.ts";
import type { Json } from "../../core/values/json.ts";
import { nature, type Owner, type Scheduler } from "./scheduler.ts";

export type BusChances = {
  /** Whether the statement of a message fails. */
  readonly loses: () => boolean;
  /** Whether a node loses its connection now. */
  readonly cuts: () => boolean;
  readonly delayMs: () => number;
};

type BusNode = {
  readonly owner: Owner;
  readonly name: string;
  readonly onHints: Set<(log: string | null) => void>;
  readonly onPresence: Set<(message: PresenceMessage) => void>;
  /** The time when its last message arrives. */
  lastAt: number;
  deafUntil: number;
};

/** The longest time without a connection, as the store's own pause before it connects again. */
const DEAF_MS_MAX = 6_000;
/** The time until a new process listens. */
const CONNECT_MS_MAX = 50;

export class NodeBus {
  readonly #scheduler: Scheduler;
  readonly #chances: BusChances;
  readonly #nodes = new Set<BusNode>();
  #processes = 0;

  constructor(scheduler: Scheduler, chances: BusChances) {
    this.#scheduler = scheduler;
    this.#chances = chances;
  }

  /** The members of the store of a new process. */
  join(owner: Owner): { readonly hints: StoreHints; readonly presence: StorePresence } {
    const node: BusNode = {
      owner,
      name: `${owner.name}-${++this.#processes}`,
      onHints: new Set(),
      onPresence: new Set(),
      lastAt: 0,
      deafUntil: 0,
    };
    this.#nodes.add(node);
    this.#disconnect(node, this.#scheduler.random.below(CONNECT_MS_MAX));
    const listen = <Listener>(listeners: Set<Listener>, listener: Listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    return {
      hints: {
        send: (log) => this.#send(node, "hint", (other) => other.onHints.forEach((onHint) => onHint(log))),
        listen: (onHint) => listen(node.onHints, onHint),
      },
      presence: {
        send: (log, message) => this.#sendPresence(node, log, message),
        listen: (onMessage) => listen(node.onPresence, onMessage),
      },
    };
  }

  /** Cuts the connection of a process for a while. */
  cut(owner: Owner, ms: number): void {
    for (const node of this.#nodes) if (node.owner === owner) this.#disconnect(node, ms);
  }

  #sendPresence(from: BusNode, log: string, message: Json): void {
    this.#send(from, "presence", (other) =>
      other.onPresence.forEach((onMessage) => onMessage({ node: from.name, log, message })),
    );
  }

  #send(from: BusNode, what: string, deliver: (other: BusNode) => void): void {
    if (this.#chances.loses()) return this.#scheduler.note(`fault: a ${what} of ${from.name} is lost`);
    for (const other of this.#nodes) {
      if (other.owner.state === "dead") this.#nodes.delete(other);
      else if (other !== from) this.#sendTo(other, what, deliver);
    }
  }

  #sendTo(other: BusNode, what: string, deliver: (other: BusNode) => void): void {
    const { now } = this.#scheduler;
    if (this.#chances.cuts()) this.#disconnect(other, this.#scheduler.random.below(DEAF_MS_MAX));
    // Two waits that are due at one time run in any order, so each message has a time of its own.
    other.lastAt = Math.max(other.lastAt + 0.001, now + this.#chances.delayMs());
    this.#scheduler.later(other.owner, `hears a ${what}`, other.lastAt - now, () => {
      if (this.#scheduler.now >= other.deafUntil) deliver(other);
    });
  }

  #disconnect(node: BusNode, ms: number): void {
    const until = this.#scheduler.now + ms;
    if (until < node.deafUntil) return;
    node.deafUntil = until;
    this.#scheduler.later(nature, `${node.name} listens`, ms, () => {
      if (node.deafUntil === until && node.owner.state !== "dead") node.onHints.forEach((onHint) => onHint(null));
    });
  }
}
