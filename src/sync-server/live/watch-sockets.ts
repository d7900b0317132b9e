/**
 * The watch over all open sockets of a node: silence, rights, drained buffers and appends of other nodes.
 *
 * Guarantees:
 * - Without open sockets no timer runs. The test is "watch: …" of hub.test.ts.
 * - The watch terminates a silent socket within about a minute and a half.
 * - A clock that was set back delays no check. The test is in access.rights-that-end.test.ts.
 */
import { RIGHTS_MS, type ServerLimits } from "../base/limits.ts";
import type { Member } from "./member.ts";
import { nextRecheckAt, recheckRights, type RecheckRightsOptions } from "./recheck-rights.ts";
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

/** Rights that `check` requests at once. A Worker has few connections, and a right that waits for one may time out. */
const ASKED_AT_ONCE = 32;

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

  /**
   * Checks every socket now. If one right is due, rights that will be due soon are requested too. Otherwise each of
   * many sockets would wake the runtime at its own time. Returns the milliseconds until the next check, or null
   * without sockets.
   */
  async check(rightsMs: number = RIGHTS_MS): Promise<number | null> {
    const now = this.#options.env.now();
    const due = this.#endSilent(now);
    const isOneDue = due.some((member) => nextRecheckAt(member, rightsMs) <= now);
    const asked = isOneDue ? due.filter((member) => nextRecheckAt(member, rightsMs / 2) <= now) : [];
    for (let start = 0; start < asked.length; start += ASKED_AT_ONCE)
      await this.#recheck(asked.slice(start, start + ASKED_AT_ONCE), now);
    const members = this.#members();
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
    const members = this.#endSilent(now);
    void this.#recheck(
      members.filter((member) => nextRecheckAt(member, RIGHTS_MS) <= now),
      now,
    );
    this.#isTicking = this.#rooms.size > 0;
    if (this.#isTicking) env.setTimer(() => this.#tick(), TICK_MS);
  }

  #members(): readonly Member[] {
    return [...this.#rooms.values()].flatMap((room) => [...room.members]);
  }

  /** Terminates the silent sockets, and returns the others. */
  #endSilent(now: number): readonly Member[] {
    return this.#members().filter((member) => {
      member.correctTimes(now);
      const isSilent = member.isSilent(now);
      if (isSilent) member.socket.terminate();
      return !isSilent;
    });
  }

  async #recheck(members: readonly Member[], now: number): Promise<void> {
    await Promise.all(members.map((member) => recheckRights(member, now, this.#options)));
  }
}
