/** A real Postgres for tests: the system's own programs, in a folder that goes away with it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { ensurePostgres, findPostgres, howToGetPostgres } from "../../scripts/postgres.ts";

export type PostgresCluster = {
  /** The URL of a superuser. */
  readonly url: string;
  readonly port: number;
  /** Runs a statement on a connection of its own. */
  readonly query: (text: string) => Promise<readonly Record<string, unknown>[]>;
  /** Ends all processes at once, as a crash of Postgres does, and starts them again. */
  readonly restart: () => Promise<void>;
  /** Throws if `pg` warned this process of something that its next version refuses. */
  readonly stop: () => Promise<void>;
};

export type ClusterOptions = {
  /** True: it waits for the disk, as a real one does. */
  readonly isDurable?: boolean;
  /** The URL of a running Postgres, of which `pg_basebackup` makes a copy. The new one starts from it. */
  readonly copyOf?: string;
};

/** The folder of the programs of a client, such as `pg_dump`. Debian links only some programs into the PATH. */
export function clientPrograms(): string {
  const found = findPostgres();
  return found === undefined ? "" : dirname(realpathSync(join(found, "postgres")));
}

/** Starts a Postgres on a free port of the loopback address. */
export async function startPostgres({ isDurable = false, copyOf }: ClusterOptions = {}): Promise<PostgresCluster> {
  const folder = findPostgres();
  if (!folder) throw new Error("This machine has no Postgres. Install the package postgresql and run the test again.");
  const data = mkdtempSync(join(tmpdir(), "dacapo-postgres-"));
  // Postgres refuses to run as root, so the account that Debian made for it runs it.
  const account = process.getuid?.() === 0 ? postgresAccount() : null;
  const identity = account ?? {};
  if (account) execFileSync("chown", [`${account.uid}:${account.gid}`, data]);
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, ["-D", data, "--no-sync", ...args], { stdio: "pipe", cwd: data, ...identity });
  if (copyOf !== undefined) run(join(clientPrograms(), "pg_basebackup"), "--checkpoint=fast", `--dbname=${copyOf}`);
  else run(join(folder, "initdb"), "--locale=C", "--encoding=UTF8", "--auth=trust", "--username=dacapo");
  const port = await freePort();
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${data}`,
    "max_connections=200",
  ];
  if (!isDurable) settings.push("fsync=off");
  const url = `postgres://dacapo@127.0.0.1:${port}/postgres`;
  const start = async (): Promise<ChildProcess> => {
    const started = spawn(join(folder, "postgres"), ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
      stdio: "ignore",
      cwd: data,
      ...identity,
    });
    await untilReady(url, started);
    return started;
  };
  let server = await start();
  const warnings: string[] = [];
  const onWarning = ({ name, message }: Error): void => {
    if (name === "DeprecationWarning" && /\bpg@/.test(message)) warnings.push(message);
  };
  process.on("warning", onWarning);
  const crash = async (): Promise<void> => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGQUIT");
    await ended;
  };
  return {
    url,
    port,
    query: async (text) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const { rows } = await client.query<Record<string, unknown>>(text);
        return rows;
      } finally {
        await client.end();
      }
    },
    restart: async () => {
      await crash();
      server = await start();
    },
    stop: async () => {
      // An immediate shutdown, because the data goes away anyway.
      await crash();
      rmSync(data, { recursive: true, force: true });
      process.off("warning", onWarning);
      if (warnings.length > 0) throw new Error(`The package pg warned: ${warnings.join(" ")}`);
    },
  };
}

/** Starts a Postgres for a script, and installs the programs first if this machine has none. */
export async function startOwnPostgres(options?: ClusterOptions): Promise<PostgresCluster> {
  if (!(await ensurePostgres())) throw new Error(howToGetPostgres);
  return startPostgres(options);
}

/** The account that Debian made for Postgres, or the one without rights that each system has. */
function postgresAccount(): { readonly uid: number; readonly gid: number } {
  const id = (flag: string, name: string) =>
    Number(execFileSync("id", [flag, name], { encoding: "utf8", stdio: "pipe" }));
  for (const name of ["postgres", "nobody"]) {
    try {
      return { uid: id("-u", name), gid: id("-g", name) };
    } catch {
      // This system does not have the account.
    }
  }
  throw new Error("Postgres does not run as root, and there is no account for it. Run the tests as another user.");
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    if (server.exitCode !== null) throw new Error(`Postgres ended with code ${server.exitCode} before it was ready`);
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => {});
    try {
      await client.connect();
      return await client.end();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("Postgres was not ready after 60 seconds");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (!address || typeof address === "string") throw new Error("There is no free port");
  return address.port;
}
