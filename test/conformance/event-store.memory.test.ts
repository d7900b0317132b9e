// The memory store follows the rules of its port.
import { memory } from "dacapo/memory";
import { eventStoreConformance, modelStoreConformance } from "dacapo/testing";
import { describe, it } from "vitest";

eventStoreConformance("memory()", memory, { describe, it, histories: 100 });
const deviations = [{ rule: "M8", reason: "the memory has no SQL" }];
modelStoreConformance("memory()", memory, { describe, it, histories: 100, deviations });
