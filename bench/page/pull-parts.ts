// The parts of a pull that the platform needs: the server's answer, its transfer, the write of its text.
import { openBareStore } from "./bare-store.ts";

export type PullParts = {
  readonly serverMs: number;
  readonly transferMs: number;
  readonly writeMs: number;
  readonly pages: number;
  readonly megabytes: number;
};

export async function runPullParts({
  log,
  syncUrl,
  user,
}: {
  readonly log: string;
  readonly syncUrl: string;
  readonly user: string;
}): Promise<PullParts> {
  const texts: string[] = [];
  let serverMs = 0;
  let transferMs = 0;
  for (let after = "", more = true; more;) {
    const start = performance.now();
    const response = await fetch(`${syncUrl}/logs/${log}/records?after=${after}`, {
      headers: { authorization: `Bearer ${user}` },
      cache: "no-store",
    });
    const answered = performance.now();
    const text = await response.text();
    serverMs += answered - start;
    transferMs += performance.now() - answered;
    texts.push(text);
    ({ cursor: after, more } = JSON.parse(text) as { cursor: string; more: boolean });
  }
  const store = await openBareStore(`parts-${crypto.randomUUID()}`, { durability: "relaxed", explicitCommit: true });
  const start = performance.now();
  for (const [index, text] of texts.entries()) await store.put(index, text);
  const writeMs = performance.now() - start;
  store.close();
  return {
    serverMs,
    transferMs,
    writeMs,
    pages: texts.length,
    megabytes: texts.reduce((sum, text) => sum + text.length, 0) / 1e6,
  };
}
