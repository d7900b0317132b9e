import type { Load } from "./http-load.ts";

const loads: readonly Load[] = [
  { clients: 1, logs: 1, events: 100 },
  { clients: 64, logs: 1, events: 100 },
  { clients: 64, logs: 32, events: 100 },
  { clients: 1, logs: 1, events: 1 },
  { clients: 64, logs: 1, events: 1 },
  { clients: 64, logs: 32, events: 1 },
];

/** The loads of the workloads of servers. `BENCH_LOADS=1-1-100,64-1-100` selects some by clients, logs and events. */
export function chosenLoads(): readonly Load[] {
  const wanted = process.env["BENCH_LOADS"]?.split(",");
  return loads.filter(
    ({ clients, logs, events }) => wanted === undefined || wanted.includes(`${clients}-${logs}-${events}`),
  );
}
