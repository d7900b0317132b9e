// `npm run bench -- pull`: confirmed events from a server (SQLite in a file) to rows on the page in Chromium, and a log
// opened again, with stored rows and with a fresh fold. Aim: 10,000 events in less than a second, from the call of
// `openLog`.
import { openBenchPage } from "./support/page.ts";
import { profile } from "./support/profile.ts";
import { printTable, writeResult } from "./support/results.ts";
import { startServer } from "./support/server.ts";
import { median } from "./support/stats.ts";

const FEW = 10_000;
const MANY = 100_000;
const ROUNDS = 5;
/** An idle log stores its rows after two seconds. */
const STAY_MS = 4_000;

await using opened = await openBenchPage({ readable: true });
await using server = await startServer({ origin: opened.origin, logs: { [`log-${FEW}`]: FEW, [`log-${MANY}`]: MANY } });
const { page } = opened;
const pull = (events: number, user: string, { anew = false, stayMs = 0 } = {}) =>
  page.evaluate((given) => bench.runPull(given), {
    log: `log-${events}`,
    user,
    syncUrl: server.url,
    events,
    anew,
    stayMs,
  });

const pulls = [];
for (let round = 0; round < ROUNDS; round++) pulls.push(await pull(FEW, `new-${round}`));
const few = await openAgain(FEW);
const platform = await page.evaluate((given) => bench.runPullParts(given), {
  log: `log-${FEW}`,
  syncUrl: server.url,
  user: "parts",
});
const profiled = await profile(opened.context, page, async () => {
  void page.evaluate((given) => bench.runPull(given), {
    log: `log-${FEW}`,
    user: "profiled",
    syncUrl: server.url,
    events: FEW,
    anew: false,
    stayMs: 3_000,
  });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
});
const many = await openAgain(MANY);

const parts = {
  server: platform.serverMs,
  transfer: platform.transferMs,
  validation: profiled.within("parsePage"),
  indexedDbWrite: platform.writeMs,
  fold: profiled.within("#foldConfirmed"),
  deltaInWorker: profiled.within("takeDelta") + profiled.within("send"),
  deltaOnPage: profiled.within("takeUpdate"),
};
const pullMs = median(pulls.map(({ rows }) => rows));
printTable(
  ["", "ms"],
  [
    [`pull ${FEW} events (${platform.megabytes.toFixed(1)} MB, ${platform.pages} pages) to rows`, pullMs.toFixed(0)],
    ["  of it openLog", median(pulls.map((times) => times.opened)).toFixed(0)],
    ...Object.entries(parts).map(([name, ms]) => [`  part: ${name}`, ms.toFixed(0)]),
    [`open again, ${FEW} events, stored rows`, few.stored.toFixed(0)],
    [`open again, ${FEW} events, folded from the log`, few.folded.toFixed(0)],
    [`pull ${MANY} events to rows`, many.pulled.toFixed(0)],
    [`open again, ${MANY} events, stored rows`, many.stored.toFixed(0)],
    [`open again, ${MANY} events, folded from the log`, many.folded.toFixed(0)],
  ],
);
const whole = (times: { readonly [name: string]: number }) =>
  Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms)]));
writeResult("pull", {
  events: FEW,
  pullMs: Math.round(pullMs),
  partsMs: whole(parts),
  openAgainMs: { [FEW]: whole(few), [MANY]: whole(many) },
  chromium: opened.chromium,
});

/** Pulls once and stays until rows are stored, then opens the log on a reloaded page, like a person. */
async function openAgain(
  events: number,
): Promise<{ readonly pulled: number; readonly stored: number; readonly folded: number }> {
  const { rows: pulled } = await pull(events, "again", { stayMs: STAY_MS });
  const stored: number[] = [];
  const folded: number[] = [];
  for (let round = 0; round < 3; round++) {
    for (const anew of [false, true]) {
      await page.reload();
      (anew ? folded : stored).push((await pull(events, "again", { anew })).rows);
    }
  }
  return { pulled, stored: median(stored), folded: median(folded) };
}
