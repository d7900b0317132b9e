/**
 * The watch over all open sockets of a node: silence, rights, drained buffers and appends of other nodes.
 *
 * Guarantees:
 * - Without open sockets no timer runs. The test is "watch: …" of hub.test.ts.
 * - The watch terminates a silent socket within about a minute and a half.
 * - A clock that was set back delays no check. The test is in access.rights-that-end.test.ts.
 */
import { RIGHTS_MS, type ServerLimits } from "../base/limits.ts";
import { isRecheckDue, nextRecheckAt, recheckRights, type RecheckRightsOptions } from "./recheck-rights.ts";
import type { NodePresence } from "./node-presence.ts";
import type { Room } from "./room.ts";

export type SocketWatchOptions = RecheckRightsOptions & {
  readonly limits: ServerLimits;
  /** False: no timers. The runtime calls `check` itself. */
  readonly ticks: boolean;
};

const TICK_MS = 1_000;
/**
 * Milliseconds between two checks for silent sockets, in a runtime without timers. It is long, because each check
 * wakes the runtime.
 */
export const SILENCE_CHECK_MS = 600_000;

export class SocketWatch {
  readonly #options: SocketWatchOptions;
  readonly #rooms: ReadonlyMap<string, Room>;
  readonly #nodes: NodePresence | undefined;
  #isTicking = false;
  #polledAt: number;

  constructor(options: SocketWatchOptions, rooms: ReadonlyMap<string, Room>, nodes: NodePresence | undefined) {
    this.#options = options;
    this.#rooms = rooms;
    this.#nodes = nodes;
    this.#polledAt = options.env.now();
  }

  /** Starts the timer, unless it runs already. */
  start(): void {
    if (!this.#options.ticks || this.#isTicking) return;
    this.#isTicking = true;
    this.#options.env.setTimer(() => this.#tick(), TICK_MS);
  }

  /** Checks every socket now. Returns the milliseconds until the next check, or null without sockets. */
  async check(rightsMs: number = RIGHTS_MS): Promise<number | null> {
    const now = this.#options.env.now();
    await Promise.all(this.#checkMembers(now, rightsMs));
    const members = [...this.#rooms.values()].flatMap((room) => [...room.members]);
    if (members.length === 0) return null;
    const nextAt = members.map((member) => nextRecheckAt(member, rightsMs));
    return Math.max(0, Math.min(now + SILENCE_CHECK_MS, ...nextAt) - now);
  }

  #tick(): void {
    const { env, limits } = this.#options;
    const now = env.now();
    const isPollDue = now < this.#polledAt || now - this.#polledAt >= limits.lookMs;
    if (isPollDue) this.#polledAt = now;
    for (const room of this.#rooms.values()) {
      if (isPollDue) void room.poll();
      room.drain();
    }
    this.#nodes?.tick();
    void Promise.all(this.#checkMembers(now, RIGHTS_MS));
    this.#isTicking = this.#rooms.size > 0;
    if (this.#isTicking) env.setTimer(() => this.#tick(), TICK_MS);
  }

  #checkMembers(now: number, rightsMs: number): Promise<void>[] {
    const checks: Promise<void>[] = [];
    for (const { members } of this.#rooms.values()) {
      for (const member of members) {
        member.correctTimes(now);
        if (member.isSilent(now)) member.socket.terminate();
        else if (isRecheckDue(member, now, rightsMs)) checks.push(recheckRights(member, now, rightsMs, this.#options));
      }
    }
    return checks;
  }
}
