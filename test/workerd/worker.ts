// The Worker of the tests: the Durable Objects they speak with. A new class is also named in wrangler.jsonc.
import { DurableObject } from "cloudflare:workers";

/** Counts twice: in memory, which eviction takes, and in SQL, which it leaves. */
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

export default {
  fetch: () => new Response("The tests speak with the Durable Objects alone.", { status: 404 }),
} satisfies ExportedHandler;
