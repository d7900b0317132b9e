/** The end of this process by a signal. The first SIGINT or SIGTERM aborts it. */
export const ending = new AbortController();

/** True if a signal interrupted the work that threw this error. */
export function isInterruption(error: unknown): boolean {
  return ending.signal.aborted && error instanceof Error && error.name === "AbortError";
}
