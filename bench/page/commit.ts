// One commit, durable, from the page: `execute` beside a bare put, in turns.
import type { LogHandle } from "dacapo/client";
import { addTask, board } from "../support/domain.ts";
import { median, quantile } from "../support/stats.ts";
import { openBareStore } from "./bare-store.ts";
import { openBenchLog, until } from "./logs.ts";

export type CommitOptions = {
  readonly unreachableUrl: string;
  readonly rounds: number;
  readonly commits: number;
  readonly warmUp: number;
  readonly writers: number;
};

/** Milliseconds, each the median of the rounds; and commits a second of many writers at once. */
export type CommitTimes = { readonly p50: number; readonly p99: number; readonly perSecond: number };
export type CommitResult = { readonly [name in Case["name"]]: CommitTimes };

type Case = {
  readonly name: "local" | "queued" | "bareStrict" | "bareStrictCommit" | "bareRelaxed";
  readonly once: (n: number) => Promise<unknown>;
  /** Finishes the kind's background work, because otherwise it would disturb the next kind. */
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void> | void;
};

/** Commits of one kind after each other. */
const TURN_COMMITS = 20;
/** The pause before each turn, the same for all kinds, so that the background work of the turn before is finished. */
const PAUSE_MS = 30;

/** A text as long as the log's row for one of these commits. */
const BARE_ROW = "x".repeat(560);

export async function runCommit({
  unreachableUrl,
  rounds,
  commits,
  warmUp,
  writers,
}: CommitOptions): Promise<CommitResult> {
  const cases: readonly Case[] = [
    await logCase("local", null),
    await logCase("queued", unreachableUrl),
    await bareCase("bareStrict", { durability: "strict", explicitCommit: false }),
    await bareCase("bareStrictCommit", { durability: "strict", explicitCommit: true }),
    await bareCase("bareRelaxed", { durability: "relaxed", explicitCommit: false }),
  ];
  const measured = new Map(
    cases.map(({ name }) => [name, { p50: [] as number[], p99: [] as number[], perSecond: [] as number[] }]),
  );
  let n = 0;
  for (const { once } of cases) for (let time = 0; time < warmUp; time++) await once(n++);
  for (let round = 0; round < rounds; round++) {
    const times = new Map(cases.map(({ name }) => [name, [] as number[]]));
    // In short turns, so that other load affects all kinds alike. Each kind is first in turn, so that none always
    // follows the same one.
    for (let turn = 0; turn < commits / TURN_COMMITS; turn++) {
      for (const { name, once, settled } of [
        ...cases.slice(turn % cases.length),
        ...cases.slice(0, turn % cases.length),
      ]) {
        await pause();
        for (let time = 0; time < TURN_COMMITS; time++) {
          const start = performance.now();
          await once(n++);
          times.get(name)?.push(performance.now() - start);
        }
        await settled();
      }
    }
    for (const { name, once, settled } of cases) {
      const of = measured.get(name);
      of?.p50.push(median(times.get(name) ?? []));
      of?.p99.push(quantile(times.get(name) ?? [], 0.99));
      of?.perSecond.push(await perSecond(writers, commits, () => once(n++)));
      await settled();
    }
  }
  for (const { close } of cases) await close();
  return Object.fromEntries(
    [...measured].map(([name, { p50, p99, perSecond: rate }]) => [
      name,
      { p50: median(p50), p99: median(p99), perSecond: median(rate) },
    ]),
  ) as CommitResult;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
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
    settled: () =>
      syncUrl === null ? until(() => log.status.get().pending === 0, "all is confirmed") : Promise.resolve(),
    close: () => log.close(),
  };
}

async function bareCase(name: Case["name"], options: Parameters<typeof openBareStore>[1]): Promise<Case> {
  const store = await openBareStore(name, options);
  return { name, once: (n) => store.put(n, BARE_ROW), settled: () => Promise.resolve(), close: store.close };
}
