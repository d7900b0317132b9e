// The memory store follows the rules of its port.
import { memory } from "dacapo/memory";
import { eventStoreConformance, modelStoreConformance } from "dacapo/testing";
import { describe, it } from "vitest";

eventStoreConformance("memory()", memory, { describe, it, histories: 100 });
modelStoreConformance("memory()", memory, { describe, it, histories: 100 });
