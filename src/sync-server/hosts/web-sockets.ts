/**
 * The live sockets of a server on Node, by `ws`.
 *
 * Guarantees: those of the entry `node.ts` (live.sockets-on-a-port.test.ts).
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket, WebSocketServer } from "ws";
import type { LiveSocket } from "../live/server-socket.ts";
import type { LiveGate } from "../live/upgrade-gate.ts";

/** A request for a socket, as Node's HTTP server passes it on. */
export type Upgrade = { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer };

/** Checks an upgrade request, and opens its socket or answers the refusal. */
export async function openSocket(
  gate: LiveGate,
  sockets: WebSocketServer,
  log: string,
  { request, socket, head }: Upgrade,
): Promise<void> {
  const { origin } = request.headers;
  // The host is a placeholder, because the sender chooses the request's own. `url` begins with one slash (`liveLog`).
  const upgradeRequest = new Request(`http://localhost${request.url}`, {
    headers: origin === undefined ? {} : { origin },
  });
  const opening = await gate.open(upgradeRequest, log);
  if (socket.destroyed) return;
  if (opening.kind === "refused") {
    const { response } = opening;
    return refuse(socket, response.status, await response.text(), response.headers);
  }
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    const connection = opening.join(liveSocket(webSocket));
    webSocket.on("message", (data: RawData, isBinary) => {
      // `ws` joins the fragments of a frame into one Buffer by default.
      if (isBinary || !Buffer.isBuffer(data)) webSocket.close(1003, "text only");
      else connection.receive(data.toString());
    });
    webSocket.on("error", () => webSocket.terminate());
    webSocket.on("close", connection.closed);
  });
}

function liveSocket(webSocket: WebSocket): LiveSocket {
  return {
    send: (text) => webSocket.send(bytesOf(text), { binary: false }),
    get bufferedBytes() {
      return webSocket.bufferedAmount;
    },
    close: (code, reason) => webSocket.close(code, reason),
    terminate: () => webSocket.terminate(),
    // Nothing to save, because the sockets end with the process.
    save: () => {},
  };
}

let lastText = "";
let lastBytes = Buffer.alloc(0);

/** The bytes of a frame. The same frame goes to many sockets in a row, so it is encoded once. */
function bytesOf(text: string): Buffer {
  if (text !== lastText) {
    lastText = text;
    lastBytes = Buffer.from(text);
  }
  return lastBytes;
}

/** A plain HTTP response, because the socket has not been upgraded. */
export function refuse(
  socket: Duplex,
  status: number,
  body: string,
  headers: Headers = new Headers({ "cache-control": "no-store" }),
): void {
  const lines = [
    `HTTP/1.1 ${status} Refused`,
    ...[...headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  // An upgraded socket may stay half open. A peer that does not close its side would keep it for ever.
  socket.once("finish", () => socket.destroy());
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
