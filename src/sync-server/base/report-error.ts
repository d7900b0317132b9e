/** Reports to a function of the operator, such as `onError`. If it throws or rejects, nothing else fails. */
export function createReporter<Report>(onError: ((report: Report) => unknown) | undefined): (report: Report) => void {
  return (report) => {
    try {
      const reported = onError?.(report);
      if (reported instanceof Promise) reported.catch(() => {});
    } catch {}
  };
}
