// The Worker of the tests, with their Durable Objects. A new class needs an entry in wrangler.jsonc.
import { DurableObject } from "cloudflare:workers";
import { bearer } from "../../src/sync-server/app.ts";
import { logObject } from "../../src/sync-server/cloudflare.ts";
import { domain } from "../support/board-domain.ts";
import { tokens } from "../support/sync-requests.ts";

/** Counts in memory, which an eviction drops, and in SQL, which it keeps. */
export class PlatformObject extends DurableObject {
  #inMemory = 0;

  count(): { readonly inMemory: number; readonly stored: number } {
    const { sql } = this.ctx.storage;
    this.#inMemory += 1;
    sql.exec("create table if not exists counts (id integer primary key)");
    sql.exec("insert into counts default values");
    return { inMemory: this.#inMemory, stored: sql.exec<{ n: number }>("select count(*) as n from counts").one().n };
  }
}

const GUEST_MS = 300;

/** A sync server as an app writes it. The token `guest` is a person whose right ends soon. */
export class LogObject extends DurableObject {
  /** The number of objects that the runtime created. */
  static made = 0;
  readonly number = ++LogObject.made;
  /** The actors that `permit` refuses. An eviction drops this list. */
  readonly refused = new Set<string>();
  readonly sync = logObject(this.ctx, {
    domain,
    authorize: (request) =>
      request.headers.get("authorization") === "Bearer guest"
        ? { actor: "guest", expiresAt: Date.now() + GUEST_MS }
        : bearer({ tokens })(request),
    permit: ({ actor }) => !this.refused.has(actor),
  });

  override fetch(request: Request): Promise<Response> {
    return this.sync.fetch(request);
  }
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.sync.webSocketMessage(socket, message);
  }
  override webSocketClose(socket: WebSocket): void {
    this.sync.webSocketClose(socket);
  }
  override webSocketError(socket: WebSocket): void {
    this.sync.webSocketError(socket);
  }
  override alarm(): Promise<void> {
    return this.sync.alarm();
  }
}

export default {
  fetch: () => new Response("The tests call the Durable Objects directly.", { status: 404 }),
} satisfies ExportedHandler;
