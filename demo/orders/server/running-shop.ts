/** The shop while its process runs. The page exchanges the release of `sales`, as a deploy would. */
import type { ServerLog, SyncServer } from "dacapo/sync-server";
import { LatestOrders } from "./latest-orders.ts";
import { LOG, openShop, type SalesRelease, type ShopOptions } from "./shop.ts";

export class RunningShop {
  readonly latest = new LatestOrders();
  readonly #options: ShopOptions;
  #release: SalesRelease;
  #server: Promise<SyncServer>;

  constructor(options: ShopOptions) {
    this.#options = options;
    this.#release = options.release;
    this.#server = Promise.resolve(this.#open());
  }

  get release(): SalesRelease {
    return this.#release;
  }

  /** The server. During a change it is the next one. */
  server(): Promise<SyncServer> {
    return this.#server;
  }

  async log(): Promise<ServerLog> {
    return (await this.#server).log(LOG);
  }

  /** Closes the server, and opens one with the other release on the same file. Calls wait for it. */
  async change(release: SalesRelease): Promise<void> {
    this.#server = this.#server.then(async (server) => {
      await server.close();
      this.#release = release;
      return this.#open();
    });
    await this.#server;
  }

  #open(): SyncServer {
    const server = openShop({ ...this.#options, release: this.#release });
    void this.latest.follow(server.log(LOG)).catch(this.#options.onError);
    return server;
  }
}
