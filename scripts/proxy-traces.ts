// Vite writes a stack trace for each request that it cannot pass on, and an open page sends one every few seconds.
// Drop the traces, because start.ts reports a dead server once.
import type { Logger } from "vite";

export function withoutProxyTraces(logger: Logger): Logger {
  return {
    ...logger,
    error(message, options) {
      if (!/(http|ws) proxy (socket )?error/.test(message)) logger.error(message, options);
    },
  };
}
