/**
 * The storm after an outage: every device tries again by the client's own backoff, and one shard serves them with the
 * capacity that was measured. Pure.
 *
 * A device is back with its first answer. A try costs the shard the time of an answer, or of a refusal.
 */
import { backoff } from "../src/client/sync/backoff.ts";

export type Storm = {
  readonly devices: number;
  readonly outageMs: number;
  /** Devices that the shard serves a second. */
  readonly servedPerSecond: number;
  /** Refusals with 503 that cost as much as one served device. */
  readonly refusalsPerServed: number;
  /** Devices that may wait for their answer. The shard refuses more. */
  readonly waitingMax: number;
  /** The pause that a refusal requests. */
  readonly retryAfterMs: number;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
};

/** One second of the storm. */
export type StormSecond = {
  /** Seconds since the shard is back. */
  readonly second: number;
  readonly tries: number;
  readonly served: number;
  readonly refused: number;
  /** Tries without any answer, because the shard had no time even to refuse. */
  readonly lost: number;
  /** The most devices that waited at once. */
  readonly waiting: number;
  /** Devices that are back, in all. */
  readonly back: number;
};

const TICK_MS = 50;
/**
 * The server's loop turns between the requests that arrived and the batch that waits. So refusals take at most about
 * half of its time, and further requests wait in the system until they time out.
 */
const REFUSING_SHARE = 0.5;
const END_MS = 60 * 60_000;

/** Runs the storm until all devices are back, at most for an hour. */
export function runStorm(storm: Storm): readonly StormSecond[] {
  const { devices, outageMs, random } = storm;
  const failures = new Uint8Array(devices);
  const due = new Calendar(devices);
  const tryLater = (device: number, now: number, retryAfterMs: number | null): void => {
    const wait = backoff(failures[device] ?? 0, { now, elapsed: now, chance: random() }, retryAfterMs);
    failures[device] = Math.min(255, (failures[device] ?? 0) + 1);
    due.add(device, now + Math.max(TICK_MS, wait));
  };
  for (let device = 0; device < devices; device++) tryLater(device, 0, null);
  for (let now = 0; now < outageMs; now += TICK_MS) for (const device of due.take(now)) tryLater(device, now, null);

  const shard = new Shard(storm);
  const seconds: StormSecond[] = [];
  let back = 0;
  let counted = { tries: 0, served: 0, refused: 0, lost: 0, waiting: 0 };
  for (let now = outageMs; back < devices && now < outageMs + END_MS; now += TICK_MS) {
    shard.beginTick(TICK_MS);
    for (const device of due.take(now)) {
      counted.tries++;
      const answer = shard.ask();
      if (answer === "waits") continue;
      if (answer === "refused") counted.refused++;
      else counted.lost++;
      tryLater(device, now, answer === "refused" ? storm.retryAfterMs : null);
    }
    const served = shard.serve();
    counted.served += served;
    counted.waiting = Math.max(counted.waiting, shard.waiting);
    back += served;
    const elapsed = now - outageMs + TICK_MS;
    if (elapsed % 1_000 !== 0 && back < devices) continue;
    seconds.push({ second: Math.ceil(elapsed / 1_000), ...counted, back });
    counted = { tries: 0, served: 0, refused: 0, lost: 0, waiting: 0 };
  }
  return seconds;
}

/** The devices by the tick of their next try, as lists in one array, so that ten million fit into memory. */
class Calendar {
  readonly #next: Int32Array;
  readonly #first = new Map<number, number>();

  constructor(devices: number) {
    this.#next = new Int32Array(devices);
  }

  add(device: number, at: number): void {
    const tick = Math.ceil(at / TICK_MS);
    this.#next[device] = this.#first.get(tick) ?? -1;
    this.#first.set(tick, device);
  }

  *take(now: number): Generator<number> {
    const tick = Math.floor(now / TICK_MS);
    let device = this.#first.get(tick) ?? -1;
    this.#first.delete(tick);
    while (device >= 0) {
      // Read first, because the device may be added again meanwhile.
      const next = this.#next[device] ?? -1;
      yield device;
      device = next;
    }
  }
}

/** The server of a shard: time for answers, and a bounded queue. */
class Shard {
  readonly #storm: Storm;
  waiting = 0;
  /** Answers that this tick still has time for. A refusal takes a part of one. */
  #room = 0;
  /** The part of it for refusals. */
  #roomToRefuse = 0;

  constructor(storm: Storm) {
    this.#storm = storm;
  }

  beginTick(ms: number): void {
    const each = (this.#storm.servedPerSecond * ms) / 1_000;
    // Time that nobody used is gone, but a part of an answer continues in the next tick.
    this.#room = each + Math.min(1, this.#room);
    this.#roomToRefuse = each * REFUSING_SHARE;
  }

  ask(): "waits" | "refused" | "lost" {
    if (this.waiting < this.#storm.waitingMax) {
      this.waiting++;
      return "waits";
    }
    if (this.#roomToRefuse <= 0) return "lost";
    this.#room -= 1 / this.#storm.refusalsPerServed;
    this.#roomToRefuse -= 1 / this.#storm.refusalsPerServed;
    return "refused";
  }

  /** Answers waiting devices in the time that is left. Returns their number. */
  serve(): number {
    const served = Math.min(this.waiting, Math.max(0, Math.floor(this.#room)));
    this.waiting -= served;
    this.#room -= served;
    return served;
  }
}
