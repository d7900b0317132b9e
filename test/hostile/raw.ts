/** Bytes on a TCP connection and the answer to them, because no HTTP client sends such bytes. */
import { connect, type Socket } from "node:net";

export type RawOptions = {
  readonly port: number;
  readonly bytes: string | Buffer | readonly (string | Buffer)[];
  /** The step after all was sent: wait for an answer, reset at once, or close this half. */
  readonly ending?: "wait" | "reset" | "half-close";
};

/** An answer that takes longer counts as no answer. */
const SILENCE_MS_MAX = 300;
const ALL_MS_MAX = 3_000;

/** The status of the first answer. Null: the connection ended, or no answer came. */
export function sendRaw({
  port,
  bytes,
  ending = "wait",
}: RawOptions): Promise<{ readonly status: number | null; readonly text: string }> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(timer);
      clearTimeout(deadline);
      socket.destroy();
      const [, status] = /^HTTP\/1\.[01] ([0-9]{3})/.exec(text) ?? [];
      resolve({ status: status === undefined ? null : Number(status), text });
    };
    const deadline = setTimeout(end, ALL_MS_MAX);
    const waitOn = () => {
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE_MS_MAX);
    };
    socket.on("connect", () => {
      for (const part of typeof bytes === "string" || Buffer.isBuffer(bytes) ? [bytes] : bytes) socket.write(part);
      if (ending === "reset") {
        socket.resetAndDestroy();
        end();
      } else {
        if (ending === "half-close") socket.end();
        waitOn();
      }
    });
    socket.on("data", (chunk) => {
      if (text.length < 100_000) text += chunk.toString("latin1");
      waitOn();
    });
    socket.on("error", end);
    socket.on("close", end);
  });
}

/** A connection that sends a byte from time to time until either side ends it. */
export function slowConnection(port: number, beginning: string, drip: string, everyMs: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.write(beginning);
  const timer = setInterval(() => void socket.write(drip), everyMs);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => clearInterval(timer));
  socket.resume();
  return socket;
}
