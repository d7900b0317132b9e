// Vite writes a stack trace for each request that it cannot pass on, and a page that looks for its server asks every few seconds.
// A sync server that has ended says so once, in start.ts, and the page shows it: the traces add nothing.
import type { Logger } from "vite";

export function withoutProxyTraces(logger: Logger): Logger {
  return {
    ...logger,
    error(message, options) {
      if (!/(http|ws) proxy (socket )?error/.test(message)) logger.error(message, options);
    },
  };
}
