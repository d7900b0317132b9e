/** The frames that a test's socket received: read by the protocol's reader, in the order of their arrival. */
import type { ServerFrame } from "../../src/core/wire/messages.ts";
import { parseServerFrame } from "../../src/core/wire/read-messages.ts";

export type FrameInbox = {
  readonly frames: readonly ServerFrame[];
  readonly receive: (text: string) => void;
  /** The next frame of a type that no earlier call returned. Rejects after 30 s. */
  readonly next: <T extends ServerFrame["type"]>(type: T) => Promise<Extract<ServerFrame, { type: T }>>;
};

/** A busy machine may stop for seconds. */
const WAIT_MS_MAX = 30_000;

export function createFrameInbox(): FrameInbox {
  const frames: ServerFrame[] = [];
  const returned = new Set<ServerFrame>();
  const waiting = new Set<() => void>();
  return {
    frames,
    receive: (text) => {
      const frame = parseServerFrame(text);
      if (!frame.ok) throw new Error(`The server sent an invalid frame: ${JSON.stringify(frame.problem)} in ${text}`);
      frames.push(frame.value);
      for (const check of waiting) check();
    },
    next: <T extends ServerFrame["type"]>(type: T) =>
      new Promise<Extract<ServerFrame, { type: T }>>((resolve, reject) => {
        const isNext = (frame: ServerFrame): frame is Extract<ServerFrame, { type: T }> =>
          frame.type === type && !returned.has(frame);
        const check = () => {
          const frame = frames.find(isNext);
          if (!frame) return;
          returned.add(frame);
          waiting.delete(check);
          clearTimeout(timer);
          resolve(frame);
        };
        const timer = setTimeout(
          () => reject(new Error(`No frame "${type}" arrived in 30 s, only ${JSON.stringify(frames)}`)),
          WAIT_MS_MAX,
        );
        waiting.add(check);
        check();
      }),
  };
}
