/** Reports failures to the operator by `onError`. If `onError` throws, or its promise rejects, nothing else fails. */
export function createReporter(onError: ((error: unknown) => unknown) | undefined): (error: unknown) => void {
  return (error) => {
    try {
      const reported = onError?.(error);
      if (reported instanceof Promise) reported.catch(() => {});
    } catch {}
  };
}
