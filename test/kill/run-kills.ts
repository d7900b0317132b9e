/**
 * Kills a real server under eight writers, again and again, and compares the answers with the log.
 *
 * Each round: the nodes serve for 5 to 500 ms, and one of them gets SIGKILL. Then another process takes over its store
 * and its port. That process has loaded in the meantime, so most of the time is spent on writing. On SQLite there is
 * one node, on Postgres there are three.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readLog } from "../support/http-writer.ts";
import { type SeededRandom, seededRandom } from "../support/random.ts";
import type { PostgresCluster } from "../support/postgres-cluster.ts";
import type { StoreAddress } from "../support/server-child/messages.ts";
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
  /** Three nodes on this Postgres, or one node on a new SQLite file. */
  readonly postgres?: Pick<PostgresCluster, "url">;
  readonly seed: number;
  readonly progress?: (line: string) => void;
};

const WRITERS = 8;
const LIFE_MS_MIN = 5;
const LIFE_MS_MAX = 500;
/** Processes that load while another serves, because on a slow machine loading takes longer than most rounds. */
const WAITING = 2;
const LOG = "kill";
/** Nodes on one Postgres. */
const NODES = 3;

type Node = { child: ServerChild; readonly url: string; readonly port: number };

/** The seed chooses the writes and the moments of the kills. The machine's timing differs in each run. */
export async function runKills({ rounds, seed, postgres, progress = () => {} }: KillOptions): Promise<KillResult> {
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
  const addresses = new Addresses(seededRandom(seed ^ 0xadd));
  const store: StoreAddress = postgres
    ? { url: postgres.url, schema: `kill_${crypto.randomUUID().slice(0, 8)}` }
    : { file: join(folder, "logs.db") };
  const writers = Array.from(
    { length: WRITERS },
    (_, n) =>
      new Writer({
        actor: `writer-${n}`,
        log: LOG,
        journal,
        random: seededRandom(seed + 1 + n),
        server: () => addresses.get(),
      }),
  );
  try {
    for (let n = 0; n < WAITING; n++) load();
    const nodes: Node[] = [];
    for (let n = 0; n < (postgres ? NODES : 1); n++) {
      const child = await next();
      nodes.push({ child, ...(await child.serve({ store, limits })) });
    }
    nodes.forEach(({ url }) => addresses.add(url));
    const ends = Promise.all(writers.map((writer) => writer.run()));
    for (let round = 1; round <= rounds; round++) {
      await new Promise((resolve) => setTimeout(resolve, LIFE_MS_MIN + random.below(LIFE_MS_MAX - LIFE_MS_MIN + 1)));
      if (nodes.some(({ child }) => child.hasEnded())) throw new Error("A node ended without having been killed");
      const node = random.pick(nodes);
      addresses.remove(node.url);
      await node.child.kill();
      children.delete(node.child);
      node.child = await next();
      await node.child.serve({ store, port: node.port, limits });
      addresses.add(node.url);
      if (round % 50 === 0) progress(`${round} rounds, ${journal.acknowledged} commits acknowledged`);
    }
    writers.forEach((writer) => writer.stop());
    await ends;
    const log = await readLog(await addresses.get(), LOG, "writer-0");
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

/** The addresses of the nodes that serve. Writers wait while there is none. */
class Addresses {
  readonly #random: SeededRandom;
  readonly #urls = new Set<string>();
  #waiting: (() => void)[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  add(url: string): void {
    this.#urls.add(url);
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  remove(url: string): void {
    this.#urls.delete(url);
  }

  /** Resolves with the address of one of the nodes. */
  async get(): Promise<string> {
    while (this.#urls.size === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#random.pick([...this.#urls]);
  }
}
