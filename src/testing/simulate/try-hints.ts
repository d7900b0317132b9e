/**
 * Checks hints at the end of a run: a socket of one node gets at once what another node appended.
 *
 * Guarantees (6):
 * - This holds for an append while both nodes are connected, and for one while the receiver had lost its connection.
 * - Nodes with hints read by themselves only once a minute here, so that nothing else is in time.
 */
import type { LiveSocket } from "../../sync-server/live/server-socket.ts";
import { recordsAfter } from "../event-store/samples.ts";
import type { ServerNode } from "./server-node.ts";
import type { World } from "./world.ts";
import type { Cursor } from "../../core/history/record.ts";

/** No device uses this log. */
const LOG = "probe";
const ACTOR = "probe";
const HINT_MS_MAX = 2_000;
const DEAF_MS = 3_000;

export async function tryHints(world: World): Promise<readonly string[]> {
  const [writer, reader] = world.nodes;
  if (world.strengthInPlan("nodeMessages") === 0 || !writer || !reader) return [];
  const { scheduler } = world;
  const heads: number[] = [];
  const joined = await within(world, reader.join(probeSocket(heads), LOG, ACTOR, null));
  if (!joined || "code" in joined) return [`6: the socket for hints was refused: ${JSON.stringify(joined)}`];
  await scheduler.runFor(HINT_MS_MAX);
  const problems: string[] = [];
  let head: Cursor | null = null;
  const check = async (position: number, what: string): Promise<void> => {
    head = await append(world, writer, head, position);
    if (!(await scheduler.runUntil(() => heads.includes(position), HINT_MS_MAX + (position > 1 ? DEAF_MS : 0))))
      problems.push(`6: ${what} did not reach a socket of another node in time`);
  };
  await check(1, "a record");
  world.bus.cut(reader.owner, DEAF_MS);
  await check(2, "a record that was appended while the node had lost its connection");
  joined.closed();
  return problems;
}

async function append(world: World, node: ServerNode, after: Cursor | null, commit: number): Promise<Cursor | null> {
  const [record] = recordsAfter(after, [{ commit }]);
  if (!record) return after;
  await within(world, node.append(LOG, after, record));
  return record.cursor;
}

/** Lets time pass until a promise of a node has settled. */
async function within<Result>(world: World, promise: Promise<Result>): Promise<Result | null> {
  const settled: Result[] = [];
  void promise.then((result) => settled.push(result));
  await world.scheduler.runUntil(() => settled.length > 0, 10_000);
  return settled[0] ?? null;
}

function probeSocket(heads: number[]): LiveSocket {
  return {
    bufferedBytes: 0,
    send: (text) => {
      const [, position] = /^\{"type":"records".*"position":(\d+)/.exec(text) ?? [];
      if (position !== undefined) heads.push(Number(position));
    },
    close: () => {},
    terminate: () => {},
    save: () => {},
  };
}
