/** The exchange of a request on Node: its body and its answer go through Node's own streams. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Exchange } from "../http/raw-exchange.ts";

export function nodeExchange(incoming: IncomingMessage, outgoing: ServerResponse): Exchange {
  return new Exchange({
    readBody: (take) => readBody(incoming, take),
    answer: (text, headers) => {
      outgoing.writeHead(200, { ...headers, "content-length": Buffer.byteLength(text) });
      outgoing.end(text);
      return RESPONSE_ALREADY_SENT;
    },
  });
}

function readBody(incoming: IncomingMessage, take: (piece: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      incoming.off("data", onData);
      incoming.off("end", onEnd);
      incoming.off("error", onError);
      incoming.off("close", onClose);
      settle();
    };
    const onData = (piece: Buffer): void => {
      try {
        take(piece);
      } catch (error) {
        // What is left is skipped, or its connection ended, once the answer has left.
        incoming.pause();
        end(() => reject(error));
      }
    };
    const onEnd = (): void => end(resolve);
    const onError = (error: Error): void => end(() => reject(error));
    const onClose = (): void => end(() => reject(new Error("The connection was closed before the body had come")));
    incoming.on("data", onData);
    incoming.on("end", onEnd);
    incoming.on("error", onError);
    incoming.on("close", onClose);
    // It broke off before anyone listened.
    if (incoming.destroyed) onClose();
  });
}
