// Functions with which the page opens logs.
import { type LogHandle, openLog } from "dacapo/client";

export type LogAt = {
  readonly log: string;
  readonly syncUrl: string | null;
  readonly user?: string;
  readonly anew?: boolean;
};

export function openBenchLog({ log, syncUrl, user = "ada", anew = false }: LogAt): Promise<LogHandle> {
  const worker = anew
    ? () => new Worker(new URL("../support/log-anew.worker.ts", import.meta.url), { type: "module" })
    : () => new Worker(new URL("../support/log.worker.ts", import.meta.url), { type: "module" });
  return openLog(log, { worker, user, ...(syncUrl !== null && { sync: { url: syncUrl, token: () => user } }) });
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  for (
    const deadline = performance.now() + 50_000;
    !condition();
    await new Promise((resolve) => setTimeout(resolve, 5))
  ) {
    if (performance.now() > deadline) throw new Error(`A step of the workload took too long: ${what}`);
  }
}
