// From the log of a server, or of this device, to rows on the page.
import { board } from "../support/domain.ts";
import { openBenchLog } from "./logs.ts";

export type PullOptions = {
  readonly log: string;
  readonly user: string;
  readonly syncUrl: string;
  readonly events: number;
  /** Fold the log instead of reading stored rows. */
  readonly anew: boolean;
  /** Keeps the log open for this time afterwards, because an idle log stores its rows. */
  readonly stayMs: number;
};

const WAIT_MS_MAX = 30_000;

/** Milliseconds from the call of `openLog`. */
export type PullTimes = { readonly opened: number; readonly rows: number };

export async function runPull({ events, stayMs, ...at }: PullOptions): Promise<PullTimes> {
  const start = performance.now();
  const log = await openBenchLog(at);
  const opened = performance.now() - start;
  const rows = log.rows(board);
  await rows.ready;
  await new Promise<void>((resolve, reject) => {
    const check = () => {
      const { position, error } = log.status.get();
      if (error) reject(new Error(error.message));
      if (position === events && rows.all().length === events) resolve();
    };
    // Each update contains the rows first, then the status.
    log.status.subscribe(check);
    setTimeout(
      () =>
        reject(
          new Error(`The rows did not arrive in time: ${JSON.stringify(log.status.get())}, ${rows.all().length} rows`),
        ),
      WAIT_MS_MAX,
    );
    check();
  });
  const times = { opened, rows: performance.now() - start };
  await new Promise((resolve) => setTimeout(resolve, stayMs));
  await log.close();
  return times;
}
