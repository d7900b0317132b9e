/** The sync loop on its own engine in virtual time, with a model of its server. */
import { afterEach, beforeEach, vi } from "vitest";
import { browserEnv } from "../../src/client/env/browser-env.ts";
import type { WhenStuck } from "../../src/client/messages/worker-messages.ts";
import { MemoryDatabase } from "../../src/client/stores/memory/database.ts";
import { SyncLoop } from "../../src/client/sync/sync-loop.ts";
import type { Transport } from "../../src/client/sync/transport.ts";
import type { Commit } from "../../src/core/history/commit.ts";
import { domain, task } from "./board-domain.ts";
import { openTab } from "./engine/open-tab.ts";
import { twoNodes } from "./two-nodes.ts";

/** The facts of an error that a test makes. */
export const facts = { message: "No", fix: "None" };

export const MINUTE = 60_000;
export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

const loops: SyncLoop[] = [];

/** Runs each test of a file in virtual time, and closes its loops after it. */
export function virtualTimeForTests(): void {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    for (const loop of loops.splice(0)) loop.close();
    vi.useRealTimers();
  });
}

/** A device that leads, with the model of its server. */
export async function leader(whenStuck: WhenStuck = "wait") {
  const nodes = twoNodes();
  const { engine } = await openTab(domain, new MemoryDatabase(() => crypto.randomUUID()));
  const gone: unknown[] = [];
  let changes = 0;
  const opened = new SyncLoop({
    engine,
    transport: nodes.transport,
    env: { ...browserEnv, chance: () => 0.5 },
    domainVersion: domain.definition.version,
    whenStuck,
    changed: () => changes++,
    presence: (_, left) => gone.push(left),
  });
  loops.push(opened);
  opened.setLeader(true);
  await pass(100);
  /** Adds tasks with these ids, each as one commit, and returns the ids of the commits. */
  const make = async (...ids: string[]) => {
    const made = await Promise.all(
      ids.map((id) => engine.execute([task.command.add(id, { title: id, column: "todo" })], null)),
    );
    opened.wake();
    return made;
  };
  /** Answers calls of one kind by a function that knows the model's own answer. */
  const change = <Call extends "push" | "pull" | "info">(
    call: Call,
    to: (own: Transport[Call], ...given: Parameters<Transport[Call]>) => ReturnType<Transport[Call]>,
  ) => {
    const own = nodes.transport[call].bind(nodes.transport) as Transport[Call];
    Object.assign(nodes.transport, { [call]: (...given: Parameters<Transport[Call]>) => to(own, ...given) });
    return () => void Object.assign(nodes.transport, { [call]: own });
  };
  return { nodes, engine, loop: opened, make, change, gone, changes: () => changes };
}

/** A leader whose log has these tasks, which its socket has reported. */
export async function reportedLeader(...ids: string[]) {
  const scene = await leader();
  const commits = await scene.make(...ids);
  await pass(100);
  scene.nodes.report(null);
  await pass(100);
  return { ...scene, commits };
}

/** The ids of the commits that the server has recorded. */
export const recorded = ({ records }: ReturnType<typeof twoNodes>) => records().map(({ commit }) => commit);

/** A commit of another person that adds a task. */
export function foreignCommit(id: string): Commit {
  return {
    id: crypto.randomUUID(),
    client: crypto.randomUUID(),
    actor: "bob",
    time: Date.now(),
    meta: null,
    commands: [
      {
        stream: `task/${id}`,
        seen: 0,
        reads: [],
        name: "add",
        v: 1,
        input: null,
        events: [{ type: "TaskAdded", v: 1, data: { title: id, column: "todo" } }],
      },
    ],
  };
}
