/** Reports failures to the operator. A reporter that fails, at once or later, never causes another failure. */
export function createReporter(onError: ((error: unknown) => unknown) | undefined): (error: unknown) => void {
  return (error) => {
    try {
      const reported = onError?.(error);
      if (reported instanceof Promise) reported.catch(() => {});
    } catch {}
  };
}
