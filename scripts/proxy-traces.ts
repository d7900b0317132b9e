// Vite writes a stack trace for each request that it cannot pass on, and an open page sends a request every few seconds.
// Drop the traces, because start.ts reports a dead sync server once, and the page shows it.
import type { Logger } from "vite";

export function withoutProxyTraces(logger: Logger): Logger {
  return {
    ...logger,
    error(message, options) {
      if (!/(http|ws) proxy (socket )?error/.test(message)) logger.error(message, options);
    },
  };
}
