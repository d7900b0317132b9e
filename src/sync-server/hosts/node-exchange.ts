/** The exchange of a request on Node. Its body and its response use Node's own streams. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Exchange } from "../http/raw-exchange.ts";

export function nodeExchange(incoming: IncomingMessage, outgoing: ServerResponse): Exchange {
  return new Exchange({
    readBody: (onPiece) => readBody(incoming, onPiece),
    answer: (text, headers) => {
      outgoing.writeHead(200, { ...headers, "content-length": Buffer.byteLength(text) });
      outgoing.end(text);
      return RESPONSE_ALREADY_SENT;
    },
  });
}

function readBody(incoming: IncomingMessage, onPiece: (piece: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (resolveOrReject: () => void): void => {
      incoming.off("data", onData);
      incoming.off("end", onEnd);
      incoming.off("error", onError);
      incoming.off("close", onClose);
      resolveOrReject();
    };
    const onData = (piece: Buffer): void => {
      try {
        onPiece(piece);
      } catch (error) {
        // After the response has left, the rest is skipped, or its connection ends.
        incoming.pause();
        settle(() => reject(error));
      }
    };
    const onEnd = (): void => settle(resolve);
    const onError = (error: Error): void => settle(() => reject(error));
    const onClose = (): void => settle(() => reject(new Error("The connection closed before the whole body arrived")));
    incoming.on("data", onData);
    incoming.on("end", onEnd);
    incoming.on("error", onError);
    incoming.on("close", onClose);
    // The connection may have closed before these listeners existed.
    if (incoming.destroyed) onClose();
  });
}
