/**
 * Kills a real server under eight writers, again and again, and compares the answers with the log.
 *
 * Each round: the server on its SQLite file serves for 5 to 500 ms and gets SIGKILL. Then another process takes over
 * file and port. That process has loaded in the meantime, so most of the time is spent on writing.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readLog } from "../support/http-writer.ts";
import { seededRandom } from "../support/random.ts";
import { type ServerChild, startServerChild } from "../support/server-child/start.ts";
import { bundleServer } from "./bundle-server.ts";
import { Journal } from "./journal.ts";
import { Writer } from "./writer.ts";

export type KillResult = {
  readonly rounds: number;
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly acknowledged: number;
  readonly records: number;
  readonly seconds: number;
};

export type KillOptions = {
  readonly rounds: number;
  readonly seed: number;
  readonly progress?: (line: string) => void;
};

const WRITERS = 8;
const LIFE_MS_MIN = 5;
const LIFE_MS_MAX = 500;
/** Processes that load while another serves, because on a slow machine loading takes longer than most rounds. */
const WAITING = 2;
const LOG = "kill";

/** The seed chooses the writes and the moments of the kills. The machine's timing differs in each run. */
export async function runKills({ rounds, seed, progress = () => {} }: KillOptions): Promise<KillResult> {
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "dacapo-kill-"));
  const program = await bundleServer(join(folder, "program"));
  const children = new Set<ServerChild>();
  const waiting: Promise<ServerChild>[] = [];
  const load = () => {
    const child = startServerChild(program).then((one) => (children.add(one), one));
    child.catch(() => {});
    waiting.push(child);
  };
  const next = async (): Promise<ServerChild> => {
    load();
    const child = await waiting.shift();
    if (!child) throw new Error("There is no child to serve");
    return child;
  };
  // The usual limits, but rates that eight busy writers do not reach.
  const limits = { requestRate: { perSecond: 1e6, burst: 1e6 }, commitRate: { perSecond: 1e6, burst: 1e6 } };
  const random = seededRandom(seed);
  const journal = new Journal();
  const address = new Address();
  const writers = Array.from(
    { length: WRITERS },
    (_, n) =>
      new Writer({
        actor: `writer-${n}`,
        log: LOG,
        journal,
        random: seededRandom(seed + 1 + n),
        server: () => address.get(),
      }),
  );
  try {
    for (let n = 0; n < WAITING; n++) load();
    const file = join(folder, "logs.db");
    let server = await next();
    const { url, port } = await server.serve({ file, limits });
    address.set(url);
    const ends = Promise.all(writers.map((writer) => writer.run()));
    for (let round = 1; round <= rounds; round++) {
      await new Promise((resolve) => setTimeout(resolve, LIFE_MS_MIN + random.below(LIFE_MS_MAX - LIFE_MS_MIN + 1)));
      if (server.hasEnded()) throw new Error("The server ended without having been killed");
      address.set(null);
      await server.kill();
      children.delete(server);
      server = await next();
      await server.serve({ file, port, limits });
      address.set(url);
      if (round % 50 === 0) progress(`${round} rounds, ${journal.acknowledged} commits acknowledged`);
    }
    writers.forEach((writer) => writer.stop());
    await ends;
    const log = await readLog(url, LOG, "writer-0");
    const { lost, doubled } = journal.compare(log);
    return {
      rounds,
      lost,
      doubled,
      acknowledged: journal.acknowledged,
      records: log.length,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await Promise.allSettled(waiting);
    await Promise.all([...children].map((child) => child.kill()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** The server's address. Writers wait while there is none. */
class Address {
  #url: string | null = null;
  #waiting: ((url: string) => void)[] = [];

  set(url: string | null): void {
    this.#url = url;
    if (url !== null) this.#waiting.splice(0).forEach((resolve) => resolve(url));
  }

  get(): Promise<string> {
    return this.#url === null ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(this.#url);
  }
}
