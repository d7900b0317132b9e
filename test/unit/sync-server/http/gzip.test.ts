import { gzipSync } from "node:zlib";
import { afterEach, expect, test, vi } from "vitest";
import { acceptsGzip, gunzip, gzip } from "../../../../src/sync-server/http/gzip.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";

afterEach(() => vi.unstubAllGlobals());

/** A stream like that of Workers: it unpacks each piece at once, whether its output is read or not. */
function eagerStream(piecesOfOutput: number) {
  const facts = { written: 0, waitingMax: 0 };
  vi.stubGlobal(
    "DecompressionStream",
    class {
      readonly readable: ReadableStream<Uint8Array>;
      readonly writable: WritableStream<Uint8Array>;
      constructor() {
        const waiting: Uint8Array[] = [];
        let wake = () => {};
        let isClosed = false;
        this.writable = new WritableStream<Uint8Array>({
          write() {
            facts.written++;
            for (let n = 0; n < piecesOfOutput; n++) waiting.push(new Uint8Array(4_096));
            facts.waitingMax = Math.max(facts.waitingMax, waiting.length);
            wake();
          },
          close() {
            isClosed = true;
            wake();
          },
        });
        this.readable = new ReadableStream<Uint8Array>(
          {
            async pull(controller) {
              while (waiting.length === 0 && !isClosed) await new Promise<void>((resolve) => (wake = resolve));
              const next = waiting.shift();
              if (next) controller.enqueue(next);
              else controller.close();
            },
          },
          { highWaterMark: 0 },
        );
      }
    },
  );
  return facts;
}

test("gunzip: writes no further piece before the output of the last one was read", async () => {
  const facts = eagerStream(1_000);
  let bytes = 0;
  await gunzip(new Uint8Array(40_000), (piece) => (bytes += piece.byteLength), runtimeEnv.nextTurn);
  expect(facts).toEqual({ written: 10, waitingMax: 1_000 });
  expect(bytes).toBe(10 * 1_000 * 4_096);
});

test("gunzip: unpacks no more once `onPiece` throws", async () => {
  const facts = eagerStream(1_000);
  const refuse = () => {
    throw new Error("too large");
  };
  await expect(gunzip(new Uint8Array(1_000_000), refuse, runtimeEnv.nextTurn)).rejects.toThrow("too large");
  expect(facts.written).toBeLessThanOrEqual(2);
});

test("gunzip: returns what gzip packed, and rejects a text that breaks off", async () => {
  const text = "Milk and 语. ".repeat(20_000);
  const pieces: Uint8Array[] = [];
  await gunzip(await gzip(text), (piece) => pieces.push(piece), runtimeEnv.nextTurn);
  expect(Buffer.concat(pieces).toString()).toBe(text);
  const half = gzipSync(text).subarray(0, 100);
  await expect(gunzip(half, () => {}, runtimeEnv.nextTurn)).rejects.toBeInstanceOf(Error);
});

test("acceptsGzip: reads the header of a request", () => {
  const accepts = (header: string) => acceptsGzip(new Request("http://x", { headers: { "accept-encoding": header } }));
  for (const header of ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8", "GZIP", "gzip;q=0.05"])
    expect(accepts(header), header).toBe(true);
  for (const header of ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br", "xgzip2"])
    expect(accepts(header), header).toBe(false);
});
