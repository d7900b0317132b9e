// The Worker of the workload: Dacapo's objects, objects with bare inserts, and objects that only read and write JSON.
import { DurableObject } from "cloudflare:workers";
import { cloudflare, type HibernatingSocket } from "dacapo/cloudflare";
import { type BareCommit, BareRows } from "../bare-rows.ts";
import { domain } from "../domain.ts";

declare const WebSocketPair: new () => { readonly 0: HibernatingSocket; readonly 1: HibernatingSocket };

const unbounded = { perSecond: 1e9, burst: 1e9 };

const { worker, EventLogObject } = cloudflare({
  domain,
  // The token is the name of its actor.
  authorize: (request) => {
    const [, actor] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    return actor === undefined ? null : { actor };
  },
  limits: { requestRate: unbounded, commitRate: unbounded, socketsPerActorMax: 20_000 },
});

export { EventLogObject };

/** The tables that a commit writes to, as Dacapo's store has them. */
const TABLES = [
  `create table if not exists dacapo_records (
    id integer primary key, log integer as (id / 100000000000) virtual, first integer not null, mark text not null,
    commit_id text not null, actor text not null, streams text not null, text text not null
  ) strict`,
  "create unique index if not exists dacapo_records_by_commit on dacapo_records (log, commit_id)",
  `create table if not exists dacapo_stream_records (
    log integer not null, stream text not null, version integer not null, record integer not null,
    primary key (log, stream, version)) strict, without rowid`,
];

/** `POST /bare/prepare?commits=N&events=M` makes rows. `POST /bare/insert` inserts them in one transaction. */
export class BareObject extends DurableObject {
  readonly #rows = new BareRows();
  #prepared: readonly BareCommit[] = [];
  #position = 0;
  #hasTables = false;

  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.startsWith("/floor/")) {
      const stored = JSON.stringify(JSON.parse(await request.text()));
      const records = searchParams.has("records") || pathname.includes("one-") ? stored : "";
      return new Response(`{"outcomes":[{"at":"1-0"}],"records":[${records}],"more":false}`);
    }
    if (request.headers.get("upgrade") === "websocket") return this.#accept();
    if (pathname.endsWith("/insert")) this.#insert();
    else this.#prepare(Number(searchParams.get("commits")), Number(searchParams.get("events")));
    return new Response("{}");
  }

  /** A socket that sleeps, and nothing else. */
  #accept(): Response {
    const pair = new WebSocketPair();
    this.ctx.acceptWebSocket(pair[1]);
    const init: ResponseInit & { readonly webSocket: HibernatingSocket } = { status: 101, webSocket: pair[0] };
    return new Response(null, init);
  }

  #prepare(commits: number, events: number): void {
    const { sql } = this.ctx.storage;
    if (!this.#hasTables) for (const statement of TABLES) sql.exec(statement);
    this.#hasTables = true;
    this.#prepared = Array.from({ length: commits }, (_, client) => {
      const commit = this.#rows.next(events, this.#position, client);
      this.#position = commit.last;
      return commit;
    });
  }

  #insert(): void {
    const { sql } = this.ctx.storage;
    this.ctx.storage.transactionSync(() => {
      for (const { last, first, mark, commit, streams, streamsText, text } of this.#prepared) {
        sql.exec(
          "insert into dacapo_records (id, first, mark, commit_id, actor, streams, text) " +
            "values (100000000000 + ?, ?, ?, ?, 'device-1', ?, ?)",
          last,
          first,
          mark,
          commit,
          streamsText,
          text,
        );
        for (const stream of streams)
          sql.exec(
            "insert into dacapo_stream_records (log, stream, version, record) values (1, ?, 1, ?)",
            stream,
            last,
          );
      }
    });
  }
}

type Objects = { readonly getByName: (name: string) => { readonly fetch: (request: Request) => Promise<Response> } };

export default {
  fetch(request: Request, env: { readonly BARE: Objects }): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.startsWith("/bare/")) return env.BARE.getByName(searchParams.get("log") ?? "bare").fetch(request);
    if (pathname.startsWith("/floor/")) return env.BARE.getByName(pathname).fetch(request);
    return worker.fetch(request, env);
  },
};
