/** Planted faults of a tab that trusts its browser too much. */
import { UnreachableError } from "../../../src/client/sync/unreachable-error.ts";
import type { Mutant } from "./mutant.ts";

export const browserMutants: readonly Mutant[] = [
  {
    name: "offline-believed",
    what: "a tab calls no server while the browser says offline",
    faults: ["networkHints"],
    parts: () => ({
      transport: (transport, { isCalledOffline }) => {
        const ifOnline = <T>(call: () => Promise<T>): Promise<T> =>
          isCalledOffline() ? Promise.reject(new UnreachableError("The browser says offline", null)) : call();
        return {
          ...transport,
          push: (...facts) => ifOnline(() => transport.push(...facts)),
          pull: (...facts) => ifOnline(() => transport.pull(...facts)),
        };
      },
    }),
  },
  {
    name: "locks-required",
    what: "a tab without Web Locks follows for ever",
    faults: ["noLocks"],
    parts: () => ({
      env: (env) => ({
        ...env,
        lock: (...facts) =>
          env.lock(...facts).catch((error: unknown) => {
            if (!(error instanceof TypeError)) throw error;
          }),
      }),
    }),
  },
];
