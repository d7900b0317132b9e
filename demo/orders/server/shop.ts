/** The shop's server: its own HTTP API beside the sync server. It is started by `main.ts`, also as a child process. */
import { strong, syncServer, type SyncServer } from "dacapo/sync-server";
import { sqlite } from "dacapo/sqlite";
import { domain } from "../domain.ts";
import { mistakenSales, orderCounts, sales, stockLevels } from "../domain/models.ts";
import { fulfilment } from "./fulfilment.ts";
import { provider } from "./provider.ts";

export const LOG = "shop";

/** The read model `sales` of a release: none yet, with a mistake, or right. */
export type SalesRelease = "none" | "mistaken" | "right";

export function openShop(file: string, release: SalesRelease, onError: (error: unknown) => void): SyncServer {
  return syncServer({
    domain,
    store: sqlite(file),
    // No device syncs this log. Orders come in by the API. An app with devices checks a session here.
    authorize: () => null,
    models: [
      strong(stockLevels),
      orderCounts,
      ...(release === "none" ? [] : [release === "right" ? sales : mistakenSales]),
    ],
    subscribers: [fulfilment, provider],
    onError,
  });
}
