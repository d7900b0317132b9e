/** Telling the operator: whatever a reporter does with a failure, also later, it must not cause another. */
export function createReporter(onError: ((error: unknown) => unknown) | undefined): (error: unknown) => void {
  return (error) => {
    try {
      const told = onError?.(error);
      if (told instanceof Promise) told.catch(() => {});
    } catch {}
  };
}
