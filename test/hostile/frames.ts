/** WebSocket frames made by hand, also frames that no client sends. */
import { randomBytes } from "./mutate.ts";
import type { SeededRandom } from "../support/random.ts";

type FrameOptions = {
  readonly opcode: number;
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly masked?: boolean;
  /** A wrong length for the header. */ readonly length?: number;
};

export function frame(
  payload: Buffer,
  { opcode, fin = true, rsv = 0, masked = true, length = payload.length }: FrameOptions,
): Buffer {
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const mask = masked ? 0x80 : 0;
  const header =
    length < 126
      ? Buffer.from([first, mask | length])
      : length < 65_536
        ? Buffer.from([first, mask | 126, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([first, mask | 127]), bigEndian(length)]);
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([header, masked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}

/** Bytes to send on an open socket. */
export function hostileFrames(random: SeededRandom, client: string): readonly Buffer[] {
  const text = (content: string) => frame(Buffer.from(content), { opcode: 1 });
  const presence = (data: string) => text(`{"type":"presence","client":"${client}","data":${data}}`);
  const kinds: (() => readonly Buffer[])[] = [
    () => [frame(randomBytes(random, 200), { opcode: 2 })],
    () => [frame(Buffer.alloc(1_000_000, "a"), { opcode: 1 })],
    () => [frame(Buffer.alloc(10), { opcode: 1, length: 2 ** 40 })],
    () => Array.from({ length: 300 }, (_, n) => frame(Buffer.from("a"), { opcode: n === 0 ? 1 : 0, fin: false })),
    () => [frame(Buffer.from("{}"), { opcode: 1, masked: false })],
    () => [frame(Buffer.from("{}"), { opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) })],
    () => [frame(Buffer.from("{}"), { opcode: 1, rsv: 1 + random.below(7) })],
    () => [frame(Buffer.from([0xff, 0xfe, 0xc0, 0x80]), { opcode: 1 })],
    () => [frame(Buffer.alloc(200), { opcode: 9 })],
    () => [frame(Buffer.from([3, 231 - random.below(231)]), { opcode: 8 })],
    () => [frame(Buffer.from([0, 0]), { opcode: 8 }), text("{}")],
    () => Array.from({ length: 400 }, () => text('{"type":"ping"}')),
    () => Array.from({ length: 200 }, () => frame(Buffer.alloc(125), { opcode: 9 })),
    () => [text("[".repeat(15_000))],
    () => [text('{"type":"ping","__proto__":{"polluted":1}}'), text('{"__proto__":{"type":"ping"}}')],
    () => [
      text(
        random.pick([
          "",
          "null",
          "1e400",
          '"ping"',
          "{",
          '{"type":1}',
          '{"type":"push"}',
          '{"type":"bye","code":"x"}',
          '{"type":"records"}',
          "\u0000",
        ]),
      ),
    ],
    () => [presence('{"__proto__":{"polluted":1}}'), presence('{"constructor":{"prototype":{"polluted":1}}}')],
    () => [
      presence(`"${"x".repeat(1_500)}"`),
      presence("[".repeat(100) + "]".repeat(100)),
      presence("1e400"),
      presence('"\\ud800"'),
    ],
    () =>
      Array.from({ length: 60 }, (_, n) => text(`{"type":"presence","client":"${crypto.randomUUID()}","data":${n}}`)),
    () => [randomBytes(random, 400)],
    () => [Buffer.alloc(50_000, 0x89)],
  ];
  return random.pick(kinds)();
}

function bigEndian(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}
