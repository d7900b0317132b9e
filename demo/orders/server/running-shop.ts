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

  /**
   * Closes the server, and opens one with the other release on the same file. Calls wait for it. After a failure, the
   * next change opens a server again.
   */
  async change(release: SalesRelease): Promise<void> {
    this.#server = this.#closed().then(() => {
      this.#release = release;
      return this.#open();
    });
    await this.#server;
  }

  /** Resolves when no server is open, also if the last one could not open or close. */
  async #closed(): Promise<void> {
    const server = await this.#server.catch(() => null);
    await server?.close().catch(this.#options.onError);
  }

  #open(): SyncServer {
    const server = openShop({ ...this.#options, release: this.#release });
    void this.latest.follow(server.log(LOG)).catch(this.#options.onError);
    return server;
  }
}
