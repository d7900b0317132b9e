// The memory log store follows the rules of its port.
import { describe, it } from "vitest";
import { MemoryDatabase } from "../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../src/client/stores/memory-log-store.ts";
import { logStoreConformance } from "../../src/testing/log-store-conformance.ts";

const makeStore = () => {
  const database = new MemoryDatabase(() => crypto.randomUUID());
  return { open: async () => memoryLogStore(database) };
};
logStoreConformance("memory", makeStore, { describe, it, histories: 30 });
