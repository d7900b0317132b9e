// Bare inserts in Durable Objects: all clients that wait share one transaction of their object.
import type { Load, Measured } from "../http-load.ts";

export async function bareObjects(
  url: string,
  { clients, logs, events }: Load,
  name: string,
  ms: number,
): Promise<Measured> {
  const times: number[] = [];
  const spent = await Promise.all(
    Array.from({ length: logs }, async (_, n) => {
      const commits = clients / logs;
      let spentMs = 0;
      while (spentMs < ms) {
        await post(`${url}/bare/prepare?log=bare-${name}-${n}&commits=${commits}&events=${events}`);
        const start = performance.now();
        await post(`${url}/bare/insert?log=bare-${name}-${n}`);
        const took = performance.now() - start;
        spentMs += took;
        for (let client = 0; client < commits; client++) times.push(took);
      }
      return spentMs;
    }),
  );
  return { commits: times.length, ms: spent.reduce((sum, one) => sum + one, 0) / logs, times };
}

async function post(url: string): Promise<void> {
  const response = await fetch(url, { method: "POST" });
  if (!response.ok) throw new Error(`The bare object answered ${response.status}: ${await response.text()}`);
  await response.text();
}
