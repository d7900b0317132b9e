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
  /** Bytes that all connections have carried to the server and back. */
  readonly bytes: { toServer: number; toClient: number };
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** @param bytesPerSecond the speed of each direction, which all connections share. By default there is no limit. */
export async function tcpProxy(targetPort: number, bytesPerSecond = Infinity): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const bytes = { toServer: 0, toClient: 0 };
  const turns = { toServer: Promise.resolve(), toClient: Promise.resolve() };
  /** Passes a chunk on in steps of a tenth of a second, after the chunks before it. */
  const passSlowly = async (chunk: Buffer, to: Socket, way: keyof typeof bytes) => {
    const stepBytes = Math.ceil(bytesPerSecond / 10);
    for (let at = 0; at < chunk.length; at += stepBytes) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (to.destroyed) return;
      const piece = chunk.subarray(at, at + stepBytes);
      bytes[way] += piece.length;
      to.write(piece);
    }
  };
  let state: "up" | "cut" | "stalled" = "up";
  const server = createServer((near) => {
    if (state === "cut") return near.resetAndDestroy();
    const far = connect(targetPort, "127.0.0.1");
    for (const [from, to, way] of [
      [near, far, "toServer"],
      [far, near, "toClient"],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk: Buffer) => {
        if (bytesPerSecond < Infinity) {
          from.pause();
          turns[way] = turns[way].then(() => passSlowly(chunk, to, way)).then(() => void from.resume());
          return;
        }
        bytes[way] += chunk.length;
        if (!to.write(chunk)) from.pause();
      });
      from.on("drain", () => state === "up" && to.resume());
      from.on("end", () => void turns[way].then(() => to.end()));
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
    bytes,
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
