/** The shop's server: its own HTTP API beside the sync server. It is started by `main.ts`, also as a child process. */
import { bearer, strong, syncServer, type SyncServer } from "dacapo/sync-server";
import { sqlite } from "dacapo/sqlite";
import { domain } from "../domain.ts";
import { mistakenSales, orderCounts, sales, stockLevels } from "../domain/models.ts";
import { fulfilment } from "./fulfilment.ts";
import { provider } from "./provider.ts";

export const LOG = "shop";
/** The token of the desk in the shop, whose device reads the log. An app with devices checks a session instead. */
export const DESK_TOKEN = "the-desk-of-the-demo";

/** The read model `sales` of a release: none yet, with a mistake, or right. */
export type SalesRelease = "none" | "mistaken" | "right";

export type ShopOptions = {
  readonly file: string;
  readonly release: SalesRelease;
  /** Events between two bases. */
  readonly baseEvery: number;
  readonly onError: (error: unknown) => void;
};

export function openShop({ file, release, baseEvery, onError }: ShopOptions): SyncServer {
  return syncServer({
    domain,
    store: sqlite(file),
    // Orders come in by the API, and devices only read.
    authorize: bearer({ tokens: { [DESK_TOKEN]: "desk" } }),
    permit: (_, { action }) => action === "read",
    base: { everyEvents: baseEvery },
    models: [
      strong(stockLevels),
      orderCounts,
      ...(release === "none" ? [] : [release === "right" ? sales : mistakenSales]),
    ],
    subscribers: [fulfilment, provider],
    onError,
  });
}
