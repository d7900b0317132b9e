// A network that can be cut. Playwright's `setOffline` alone lets open sockets stall and requests under way
// complete, and workers of other kinds do not notice it; a proxy that resets is what a lost network is like.
// `navigator.onLine` stays true with it: use both where a test needs that too.
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

export type TcpProxy = {
  readonly port: number;
  /** Resets every connection, and each new one. */
  readonly cut: () => void;
  /** Keeps connections open and lets nothing through, as for a phone in a lift. No error reports it. */
  readonly stall: () => void;
  /** Lets everything through again; what stalled arrives. */
  readonly up: () => void;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let state: "up" | "cut" | "stalled" = "up";
  const server = createServer((near) => {
    if (state === "cut") return near.resetAndDestroy();
    const far = connect(targetPort, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk) => void (to.write(chunk) || from.pause()));
      from.on("drain", () => state === "up" && to.resume());
      from.on("end", () => to.end());
      from.on("error", () => to.resetAndDestroy());
      from.on("close", () => sockets.delete(from));
      if (state === "stalled") from.pause();
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    state = "cut";
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    stall: () => {
      state = "stalled";
      for (const socket of sockets) socket.pause();
    },
    up: () => {
      state = "up";
      for (const socket of sockets) socket.resume();
    },
    [Symbol.asyncDispose]: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
