// `npm run storm -- --devices 10000 --capacity 400 --outage 600`: simulates the devices of one shard that come back
// after an outage. It prints the load over time, the time until all are back, and the longest queue.
import { parseArgs } from "node:util";
import { runStorm, type StormSecond } from "./storm-model.ts";

const { values } = parseArgs({
  options: {
    /** Devices of the shard. */
    devices: { type: "string", default: "10000" },
    /** Devices that the shard serves a second: take `pushes/s` of `npm run bench -- server`. */
    capacity: { type: "string", default: "400" },
    /** Refusals that cost as much as one served device. */
    refusals: { type: "string", default: "5" },
    /** Seconds of the outage. */
    outage: { type: "string", default: "600" },
    /** Devices that may wait at once: `waitingPushesMax` of the server. */
    queue: { type: "string", default: "2000" },
    /** Milliseconds that a refusal requests. */
    pause: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
  },
});
const [devices, capacity, outage, queue] = [values.devices, values.capacity, values.outage, values.queue].map(Number);
if (!devices || !capacity || outage === undefined || !queue) throw new Error("Pass numbers, such as --devices 10000.");

const seconds = runStorm({
  devices,
  outageMs: outage * 1_000,
  servedPerSecond: capacity,
  refusalsPerServed: Number(values.refusals),
  waitingMax: queue,
  retryAfterMs: Number(values.pause),
  random: randomOf(Number(values.seed)),
});

console.log(`${devices} devices, an outage of ${outage} s, ${capacity} devices/s, at most ${queue} wait\n`);
console.log("second     tries    served   refused  no answer   waiting      back");
for (const row of seconds.filter(({ second }, index) => isShown(second) || index === seconds.length - 1)) print(row);
const last = seconds.at(-1);
const most = Math.max(...seconds.map(({ tries }) => tries));
const longest = Math.max(...seconds.map(({ waiting }) => waiting));
const half = seconds.find(({ back }) => back * 2 >= devices)?.second;
const ideal = Math.ceil(devices / capacity);
console.log(`
half are back after ${half} s, ${last && last.back >= devices ? `all after ${last.second} s` : "not all within an hour"} (without any wait of a device: ${ideal} s)
the busiest second has ${most} tries, ${(most / capacity).toFixed(1)} times the capacity
the queue had at most ${longest} devices, and its bound is ${queue}`);

function isShown(second: number): boolean {
  return second <= 10 || (second <= 60 && second % 10 === 0) || second % 60 === 0;
}

function print({ second, tries, served, refused, lost, waiting, back }: StormSecond): void {
  const cells = [tries, served, refused, lost, waiting, back];
  console.log(`${String(second).padStart(6)}${cells.map((cell) => String(cell).padStart(10)).join("")}`);
}

/** A small generator of chance with a seed, so that a run can be repeated. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
