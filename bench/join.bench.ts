// `npm run bench -- join`: a new device of a long log in Chromium, from the call of `openLog` to its first rows and to
// its first decision without a network. With a base at the log's end, beside a shorter log that is pulled as a whole.
// Aim: with a base, less than two seconds, whatever the length of the log. Filling a million events takes minutes.
import * as v from "valibot";
import { openBenchPage } from "./support/page.ts";
import { printTable, writeResult } from "./support/results.ts";
import { startServer } from "./support/server.ts";
import { median } from "./support/stats.ts";

const header = v.object({ cursor: v.string(), pages: v.array(v.object({ bytes: v.number() })) });
const LONG = Number(process.env["EVENTS"] ?? 1_000_000);
const SHORT = 20_000;
const TASKS = 5_000;
const ROUNDS = 3;

/** Milliseconds from the call of `openLog`. */
type NewDevice = {
  readonly opened: number;
  readonly firstRows: number;
  readonly synced: number;
  readonly decided: number;
};

await using opened = await openBenchPage();
const { page, context } = opened;
await using long = await startServer({
  origin: opened.origin,
  changedLogs: { long: { events: LONG, tasks: TASKS } },
  base: LONG,
});
await using short = await startServer({
  origin: opened.origin,
  changedLogs: { short: { events: SHORT, tasks: TASKS } },
});

const base = await newestBase(long.url, "long");
const withBase: NewDevice[] = [];
const whole: NewDevice[] = [];
for (let round = 0; round < ROUNDS; round++) {
  withBase.push(await join("long", long.url, LONG, `base-${round}`));
  whole.push(await join("short", short.url, SHORT, `whole-${round}`));
}

const middle = (times: readonly NewDevice[]) => ({
  opened: median(times.map((time) => time.opened)),
  firstRows: median(times.map((time) => time.firstRows)),
  synced: median(times.map((time) => time.synced)),
  decided: median(times.map((time) => time.decided)),
});
const figures = { withBase: middle(withBase), whole: middle(whole) };
const row = (name: string, figure: keyof typeof figures.whole) => [
  name,
  figures.withBase[figure].toFixed(0),
  figures.whole[figure].toFixed(0),
];
printTable(
  ["ms from openLog", `${LONG} events, base`, `${SHORT} events, no base`],
  [
    row("opened", "opened"),
    row(`all ${TASKS} rows`, "firstRows"),
    row("synced", "synced"),
    row("a decision without a network", "decided"),
    ["kB of the base (text)", (base.bytes / 1_000).toFixed(0), "-"],
  ],
);
writeResult("join", {
  events: LONG,
  short: SHORT,
  tasks: TASKS,
  base,
  ...figures,
  withBaseAll: withBase,
  wholeAll: whole,
});

async function join(log: string, syncUrl: string, events: number, user: string): Promise<NewDevice> {
  const given = { log, user, syncUrl, events, tasks: TASKS };
  const times = await page.evaluate((options) => bench.runJoin(options), given);
  await context.setOffline(true);
  const decided = await page.evaluate(() => bench.decideOffline());
  await context.setOffline(false);
  return { ...times, decided: times.synced + decided };
}

/** The server makes the base after its start, so this waits. */
async function newestBase(url: string, log: string): Promise<{ readonly position: number; readonly bytes: number }> {
  for (;;) {
    const answer = await fetch(`${url}/logs/${log}/base`, { headers: { authorization: "Bearer ada" } });
    if (answer.ok) {
      const { cursor, pages } = v.parse(header, await answer.json());
      return { position: parseInt(cursor, 10), bytes: pages.reduce((sum, { bytes }) => sum + bytes, 0) };
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
