// `npm run bench -- commit`: from `execute` to durable, beside a bare put in IndexedDB, both from the page and in one
// run. Aim: at most twice the bare put with the same durability.
import { createServer } from "node:net";
import { printTable, writeResult } from "./support/results.ts";
import { openBenchPage } from "./support/page.ts";
import { rounded } from "./support/stats.ts";

const options = { rounds: 5, commits: 200, warmUp: 100, writers: 64 };

await using opened = await openBenchPage();
const result = await opened.page.evaluate((given) => bench.runCommit(given), {
  ...options,
  unreachableUrl: `http://127.0.0.1:${await closedPort()}/sync`,
});

const names = {
  local: "execute, local log",
  queued: "execute, server unreachable",
  bareStrict: "bare put, strict",
  bareStrictCommit: "bare put, strict, tx.commit()",
  bareRelaxed: "bare put, relaxed",
};
const { bareStrict } = result;
printTable(
  ["", "p50 ms", "p99 ms", "x strict", `commits/s, ${options.writers} writers`],
  Object.entries(names).map(([key, name]) => {
    const { p50, p99, perSecond } = result[key as keyof typeof names];
    return [name, p50.toFixed(2), p99.toFixed(2), (p50 / bareStrict.p50).toFixed(2), perSecond.toFixed(0)];
  }),
);
const ratios = {
  local: rounded(result.local.p50 / bareStrict.p50),
  queued: rounded(result.queued.p50 / bareStrict.p50),
};
const times = Object.fromEntries(
  Object.entries(result).map(([name, { p50, p99, perSecond }]) => [
    name,
    { p50Ms: rounded(p50), p99Ms: rounded(p99), perSecond: Math.round(perSecond) },
  ]),
);
writeResult("commit", {
  ratio: Math.max(ratios.local, ratios.queued),
  ratios,
  ...times,
  ...options,
  chromium: opened.chromium,
});

/** A port without a listener. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 1;
}
