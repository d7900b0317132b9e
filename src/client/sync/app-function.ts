/** Calls a function of the app, whose failure or silence must not look like a server that does not answer. */
import { DacapoError } from "../../core/values/errors.ts";
import { reasonOf } from "../../core/values/reason.ts";

/**
 * Returns the value of the function. Otherwise it throws `unexpected`, and `details.function` is the name.
 *
 * The error has `retry: "later"`, because the function may need the network itself and work again.
 */
export async function valueOfApp<T>(name: string, run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await Promise.race([run(), whenAborted(signal)]);
  } catch (error) {
    throw new DacapoError("unexpected", "later", {
      message: `The app's function ${name} failed: ${reasonOf(error)}`,
      fix: "Correct the function, because the sync server answers. Dacapo calls it again by itself.",
      details: { function: name },
      cause: error,
    });
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("it did not resolve in time")), { once: true });
  });
}
