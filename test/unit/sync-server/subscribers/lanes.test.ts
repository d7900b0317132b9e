// The lanes of a subscriber against a plain model: random pages, failures, crashes and operators.
import { expect, test } from "vitest";
import { keyOf, Lanes, type LanePolicy, type OpenEvent } from "../../../../src/sync-server/subscribers/lanes.ts";
import { type SeededRandom, seededRandom } from "../../../support/random.ts";

const eventAt = (position: number, stream: string, version: number): OpenEvent => ({
  event: `e${position}`,
  type: "Done",
  stream,
  version,
  position,
  failures: 0,
  notBefore: 0,
  error: null,
  isParked: false,
});

type Handled = { readonly stream: string; readonly version: number };

/** A store of one place: what a crash leaves. */
class StoredPlace {
  rows = new Map<string, string>();
  checkpoint = 0;

  write(lanes: Lanes, checkpoint: number): void {
    const changes = lanes.changes();
    for (const [key, text] of changes.set) this.rows.set(key, text);
    for (const key of changes.remove) {
      if (!this.rows.delete(key)) throw new Error(`The store has no row ${key}`);
    }
    this.checkpoint = checkpoint;
    lanes.wrote(changes);
  }

  reload(policy: LanePolicy): Lanes {
    const lanes = new Lanes(policy);
    lanes.load([...this.rows].toSorted(([left], [right]) => left.localeCompare(right)));
    // Each reload is one of newer code, so that a test has an end.
    lanes.retryUnknown(() => true);
    return lanes;
  }
}

/** Runs a whole log to its end, with chance in every step. Returns the handled events in their order. */
function runLog(
  random: SeededRandom,
  policy: LanePolicy,
): { handled: Handled[]; log: OpenEvent[]; stored: StoredPlace } {
  const versions = new Map<string, number>();
  const log = Array.from({ length: 60 }, (_, n) => {
    const stream = `s/${random.below(5)}`;
    const version = (versions.get(stream) ?? 0) + 1;
    versions.set(stream, version);
    return eventAt(n + 1, stream, version);
  });
  const stored = new StoredPlace();
  let lanes = stored.reload(policy);
  let running: OpenEvent[] = [];
  let page: number | null = null;
  let now = 0;
  const handled: Handled[] = [];
  for (let step = 0; step < 5_000; step++) {
    now += random.below(3);
    switch (random.below(12)) {
      case 0: {
        if (page !== null || stored.checkpoint === log.length || lanes.isStopped) break;
        page = Math.min(stored.checkpoint + 1 + random.below(10), log.length);
        for (const event of log.slice(stored.checkpoint, page)) lanes.admit(event);
        break;
      }
      case 1:
        stored.write(lanes, page ?? stored.checkpoint);
        page = null;
        break;
      case 2:
        // A crash: the memory is lost, and only the stored place stays.
        if (random.below(6) > 0) break;
        lanes = stored.reload(policy);
        running = [];
        page = null;
        break;
      case 3: {
        // An operator retries a parked event, in the store.
        for (const [key, text] of stored.rows) {
          const event = JSON.parse(text) as OpenEvent;
          if (!event.isParked) continue;
          stored.rows.set(key, JSON.stringify({ ...event, failures: 0, notBefore: 0, isParked: false }));
          lanes.load([...stored.rows].toSorted(([left], [right]) => left.localeCompare(right)));
          break;
        }
        break;
      }
      default: {
        const event = lanes.next(now);
        if (event && running.length < 3) {
          expect(running.some(({ stream }) => stream === event.stream)).toBe(false);
          lanes.start(event);
          running.push(event);
        }
        const [done] = running.length > 0 && random.below(2) > 0 ? running.splice(random.below(running.length), 1) : [];
        if (!done) break;
        const checkpoint = stored.checkpoint;
        if (random.below(8) === 0) lanes.leave(done, 1, "unknown", now + random.below(10));
        else if (random.below(3) === 0) lanes.fail(done, "no", now + random.below(10));
        else {
          handled.push(done);
          lanes.succeed(done);
        }
        expect(stored.checkpoint).toBe(checkpoint);
      }
    }
    if (stored.checkpoint === log.length && lanes.count === 0 && !lanes.hasChanges) break;
  }
  return { handled, log, stored };
}

/** Removes repeats: after a crash, a stream continues from an event that it had handled. */
function firstTimes(handled: readonly Handled[], stream: string): number[] {
  const versions: number[] = [];
  for (const one of handled) if (one.stream === stream && !versions.includes(one.version)) versions.push(one.version);
  return versions;
}

test("lanes: random failures, crashes and operators lose no event and keep the order of streams", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const { handled, log, stored } = runLog(seededRandom(seed), {
      attempts: 3,
      afterRetries: "park",
      afterPark: "hold",
    });
    expect(stored.rows.size, `seed ${seed}`).toBe(0);
    for (const stream of new Set(log.map((event) => event.stream))) {
      const versions = log.filter((event) => event.stream === stream).map(({ version }) => version);
      expect(firstTimes(handled, stream), `seed ${seed}, ${stream}`).toEqual(versions);
      let last = 0;
      for (const one of handled) {
        if (one.stream !== stream) continue;
        // It may go back after a crash, and never skips.
        expect(one.version, `seed ${seed}, ${stream}`).toBeLessThanOrEqual(last + 1);
        last = one.version;
      }
    }
  }
});

test("lanes: with `continue` and `stop`, each event is handled in the end too", () => {
  for (let seed = 1; seed <= 50; seed++)
    for (const policy of [
      { attempts: 2, afterRetries: "park", afterPark: "continue" },
      { attempts: 2, afterRetries: "stop", afterPark: "hold" },
    ] as const) {
      const { handled, log } = runLog(seededRandom(seed), policy);
      const ids = new Set(handled.map(({ stream, version }) => `${stream}@${version}`));
      expect(ids.size, `seed ${seed}`).toBe(log.length);
    }
});

test("lanes: a parked event holds its stream, and only its stream", () => {
  const lanes = new Lanes({ attempts: 1, afterRetries: "park", afterPark: "hold" });
  for (const event of [eventAt(1, "a", 1), eventAt(2, "a", 2), eventAt(3, "b", 1)]) lanes.admit(event);
  const first = lanes.next(0);
  expect(first?.position).toBe(1);
  if (first) lanes.start(first);
  expect(first && lanes.fail(first, "no", 0)).toBe(true);
  expect(lanes.next(0)).toMatchObject({ stream: "b" });
  expect([lanes.count, lanes.parkedCount]).toEqual([3, 1]);
});

test("lanes: an unknown event waits once, is parked, and starts as soon as the code knows it", () => {
  const lanes = new Lanes({ attempts: 1, afterRetries: "park", afterPark: "hold" });
  for (const event of [eventAt(1, "a", 1), eventAt(2, "a", 2)]) lanes.admit(event);
  const leaves = (now: number): boolean | null => {
    const event = lanes.next(now);
    if (event) lanes.start(event);
    return event && lanes.leave(event, 2, "unknown", now + 60);
  };
  expect([leaves(0), leaves(59), lanes.parkedCount, leaves(60), leaves(200), lanes.parkedCount]).toEqual([
    false,
    null,
    0,
    true,
    null,
    1,
  ]);
  expect(lanes.unknown).toEqual([{ stream: "a", type: "Done", v: 2 }]);
  lanes.retryUnknown(({ v }) => v < 2);
  expect(lanes.next(200)).toBeNull();
  lanes.retryUnknown(({ v }) => v === 2);
  expect([lanes.next(200), lanes.parkedCount, lanes.unknown]).toMatchObject([{ position: 1, failures: 0 }, 0, []]);
});

test("lanes: an event that an operator skipped while its handler ran does not return", () => {
  const lanes = new Lanes({ attempts: 3, afterRetries: "park", afterPark: "hold" });
  const event = eventAt(1, "a", 1);
  lanes.load([[keyOf(1), JSON.stringify(event)]]);
  lanes.start(event);
  lanes.load([]);
  expect(lanes.fail(event, "no", 5)).toBe(false);
  expect([lanes.count, lanes.nextAt(), lanes.changes()]).toEqual([0, Infinity, { set: [], remove: [] }]);
});

test("lanes: `stop` starts nothing while an event is parked", () => {
  const lanes = new Lanes({ attempts: 1, afterRetries: "stop", afterPark: "hold" });
  for (const event of [eventAt(1, "a", 1), eventAt(2, "b", 1)]) lanes.admit(event);
  const first = lanes.next(0);
  if (first) lanes.start(first);
  if (first) lanes.fail(first, "no", 0);
  expect([lanes.isStopped, lanes.next(9), lanes.nextAt()]).toEqual([true, null, Infinity]);
});

/** Handles the events of `count` streams, and returns how often the lanes read a place or a time, for each event. */
function readsOfEach(count: number): number {
  let reads = 0;
  const lanes = new Lanes({ attempts: 3, afterRetries: "park", afterPark: "hold" });
  for (let n = 1; n <= count; n++) {
    const event = eventAt(n, `s/${n}`, 1);
    lanes.admit({
      ...event,
      get position() {
        reads++;
        return n;
      },
      get notBefore() {
        reads++;
        return 0;
      },
    });
  }
  for (let event = lanes.next(1); event; event = lanes.next(1)) {
    lanes.start(event);
    lanes.nextAt();
    lanes.succeed(event);
  }
  expect(lanes.count).toBe(0);
  return reads / count;
}

test("lanes: the next event of ten times as many streams costs about the same", () => {
  expect(readsOfEach(3_000)).toBeLessThan(2 * readsOfEach(300));
});
