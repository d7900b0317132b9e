/** All planted faults. Each must be found within 1,000 seeds, or the simulator is too weak. */
import { baseMutants } from "./base-mutants.ts";
import { browserMutants } from "./browser-mutants.ts";
import { linkMutants } from "./link-mutants.ts";
import { nodeMutants } from "./node-mutants.ts";
import { releaseMutants } from "./release-mutants.ts";
import { serverMutants } from "./server-mutants.ts";
import { storeMutants } from "./store-mutants.ts";
import { wireMutants } from "./wire-mutants.ts";

export const mutants = [
  ...browserMutants,
  ...releaseMutants,
  ...serverMutants,
  ...storeMutants,
  ...wireMutants,
  ...linkMutants,
  ...nodeMutants,
  ...baseMutants,
];
