// Hides Vite's stack traces of failed proxy requests, because a page retries every few seconds without a server.
// start.ts reports once that the sync server has stopped, and the page shows it.
import type { Logger } from "vite";

export function withoutProxyTraces(logger: Logger): Logger {
  return {
    ...logger,
    error(message, options) {
      if (!/(http|ws) proxy (socket )?error/.test(message)) logger.error(message, options);
    },
  };
}
