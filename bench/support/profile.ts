// A CPU profile of a page and of its workers: the time of functions by name, including the functions that they call.
import type { BrowserContext, Page } from "playwright-core";

type Frame = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string };
  readonly children?: readonly number[];
};
type CpuProfile = {
  readonly nodes: readonly Frame[];
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
};

export type Profile = {
  /** Milliseconds within functions of this name, in the page and in workers together. */
  readonly within: (functionName: string) => number;
};

const SAMPLE_MICROSECONDS = 200;

/** Profiles `run`. Workers that it starts must still be alive when it ends. */
export async function profile(context: BrowserContext, page: Page, run: () => Promise<void>): Promise<Profile> {
  const session = await context.newCDPSession(page);
  const answers = new Map<number, (result: { readonly profile?: CpuProfile }) => void>();
  const workers: string[] = [];
  let asked = 0;
  const ask = (sessionId: string, method: string, params: object = {}) =>
    new Promise<{ readonly profile?: CpuProfile }>((resolve, reject) => {
      const id = ++asked;
      answers.set(id, resolve);
      session
        .send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method, params }) })
        .catch(reject);
    });
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result = {} }: { id?: number; result?: object } = JSON.parse(message);
    if (id !== undefined) answers.get(id)?.(result);
  });
  session.on("Target.attachedToTarget", ({ sessionId }) => {
    workers.push(sessionId);
    void ask(sessionId, "Profiler.enable");
    void ask(sessionId, "Profiler.setSamplingInterval", { interval: SAMPLE_MICROSECONDS });
    void ask(sessionId, "Profiler.start");
    // The worker waits for this, so that the profile includes its start.
    void ask(sessionId, "Runtime.runIfWaitingForDebugger");
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: true, flatten: false });
  await session.send("Profiler.enable");
  await session.send("Profiler.setSamplingInterval", { interval: SAMPLE_MICROSECONDS });
  await session.send("Profiler.start");
  await run();
  const profiles: CpuProfile[] = [(await session.send("Profiler.stop")).profile];
  for (const worker of workers) {
    const { profile: taken } = await ask(worker, "Profiler.stop");
    if (taken) profiles.push(taken);
  }
  await session.detach();
  return {
    within: (functionName) => profiles.reduce((sum, taken) => sum + millisecondsWithin(taken, functionName), 0),
  };
}

function millisecondsWithin({ nodes, samples = [], timeDeltas = [] }: CpuProfile, functionName: string): number {
  const inside = new Set<number>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const enter = (node: Frame) => {
    inside.add(node.id);
    for (const child of node.children ?? []) enter(byId.get(child) ?? node);
  };
  for (const node of nodes) if (node.callFrame.functionName === functionName) enter(node);
  return samples.reduce((sum, sample, index) => (inside.has(sample) ? sum + (timeDeltas[index] ?? 0) / 1000 : sum), 0);
}
