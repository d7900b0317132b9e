// One commit, durable, from the page: `execute` beside a bare put, in turns.
import type { LogHandle } from "dacapo/client";
import { addTask, board } from "../support/domain.ts";
import { median, quantile } from "../support/stats.ts";
import { openBareStore } from "./bare-store.ts";
import { openBenchLog, until } from "./logs.ts";

export type CommitOptions = { readonly unreachableUrl: string; readonly rounds: number; readonly commits: number; readonly warmUp: number; readonly writers: number };

/** Milliseconds, each the median of the rounds; and commits a second of many writers at once. */
export type CommitTimes = { readonly p50: number; readonly p99: number; readonly perSecond: number };
export type CommitResult = { readonly [name in Case["name"]]: CommitTimes };

type Case = {
  readonly name: "local" | "queued" | "bareStrict" | "bareStrictCommit" | "bareRelaxed";
  readonly once: (n: number) => Promise<unknown>;
  /** What it left to do in the background, so that it does not disturb the next one. */
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void> | void;
};

/** As long as what the log writes for one of these commits. */
const BARE_ROW = "x".repeat(560);

export async function runCommit({ unreachableUrl, rounds, commits, warmUp, writers }: CommitOptions): Promise<CommitResult> {
  const cases: readonly Case[] = [
    await logCase("local", null),
    await logCase("queued", unreachableUrl),
    await bareCase("bareStrict", { durability: "strict", explicitCommit: false }),
    await bareCase("bareStrictCommit", { durability: "strict", explicitCommit: true }),
    await bareCase("bareRelaxed", { durability: "relaxed", explicitCommit: false }),
  ];
  const measured = new Map(cases.map(({ name }) => [name, { p50: [] as number[], p99: [] as number[], perSecond: [] as number[] }]));
  let n = 0;
  for (const { once } of cases) for (let time = 0; time < warmUp; time++) await once(n++);
  for (let round = 0; round < rounds; round++) {
    // Each begins once in turn, so that none always comes after the same one.
    for (const { name, once, settled } of [...cases.slice(round % cases.length), ...cases.slice(0, round % cases.length)]) {
      const times: number[] = [];
      for (let time = 0; time < commits; time++) {
        const start = performance.now();
        await once(n++);
        times.push(performance.now() - start);
      }
      await settled();
      measured.get(name)?.p50.push(median(times));
      measured.get(name)?.p99.push(quantile(times, 0.99));
      measured.get(name)?.perSecond.push(await perSecond(writers, commits, () => once(n++)));
      await settled();
    }
  }
  for (const { close } of cases) await close();
  return Object.fromEntries([...measured].map(([name, { p50, p99, perSecond: rate }]) => [name, { p50: median(p50), p99: median(p99), perSecond: median(rate) }])) as CommitResult;
}

async function perSecond(writers: number, commits: number, once: () => Promise<unknown>): Promise<number> {
  const each = Math.ceil((2 * commits) / writers);
  const start = performance.now();
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (let time = 0; time < each; time++) await once();
    }),
  );
  return (writers * each * 1000) / (performance.now() - start);
}

async function logCase(name: "local" | "queued", syncUrl: string | null): Promise<Case> {
  const log: LogHandle = await openBenchLog({ log: `commit-${name}`, syncUrl });
  await log.rows(board).ready;
  await until(() => log.status.get().leader, "this tab leads");
  return {
    name,
    once: (n) => log.execute(addTask(`t${n}`, n)),
    settled: () => (syncUrl === null ? until(() => log.status.get().pending === 0, "all is confirmed") : Promise.resolve()),
    close: () => log.close(),
  };
}

async function bareCase(name: Case["name"], options: Parameters<typeof openBareStore>[1]): Promise<Case> {
  const store = await openBareStore(name, options);
  return { name, once: (n) => store.put(n, BARE_ROW), settled: () => Promise.resolve(), close: store.close };
}
