import { describe, it } from "vitest";
import { openIdbLogStore } from "../../src/client/stores/idb/idb-log-store.ts";
import { logStoreConformance } from "../../src/testing/log-store-conformance.ts";

const newClientId = () => crypto.randomUUID();
const makeStore = () => {
  const user = newClientId();
  return { open: () => openIdbLogStore({ log: "conformance", user, newClientId }) };
};
logStoreConformance("IndexedDB in a browser", makeStore, { describe, it });
