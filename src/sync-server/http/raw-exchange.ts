import type { HonoRequest } from "hono";

/**
 * A shortcut for the bytes of a request and of a response, for a runtime that has faster streams than the web's.
 *
 * A runtime passes it in Hono's bindings. On Node each stream of the web costs a push more than its decision. Without
 * an exchange, `Request` and `Response` carry everything.
 */
export class Exchange {
  /**
   * Passes each piece of the body to `onPiece`, and resolves at its end. Rejects if the body breaks off. If `onPiece`
   * throws, it reads no more and rejects with that error.
   */
  readonly readBody: (onPiece: (piece: Uint8Array) => void) => Promise<void>;
  /** Sends a whole text with status 200. Returns the placeholder response that the runtime expects. */
  readonly answer: (text: string, headers: Readonly<Record<string, string>>) => Response;

  constructor(ways: Pick<Exchange, "readBody" | "answer">) {
    this.readBody = ways.readBody;
    this.answer = ways.answer;
  }
}

/** A way to the bytes of a body: an exchange, or the body that Hono kept. */
export type BodySource = Pick<Exchange, "readBody">;

/** The app that mounts the server has read the body of a request, and nothing kept it. The sender did nothing wrong. */
export class BodyTakenError extends Error {
  constructor() {
    super(
      "A push has no body, because something before the sync server has read it. In a middleware, read it with " +
        "c.req.json(), c.req.text() or c.req.arrayBuffer(), which keep it, or read c.req.raw.clone(). " +
        "Do not use a body parser for the paths of the sync server.",
    );
    this.name = "BodyTakenError";
  }
}

/** The body that a middleware of the app has read with Hono's own functions. Null: no middleware did. */
export function keptBody(request: HonoRequest): BodySource | null {
  if (Object.keys(request.bodyCache).length === 0) return null;
  return {
    readBody: async (onPiece) => {
      // Hono makes the bytes from what it kept. It fails if the middleware's own reading failed.
      const body = await request.arrayBuffer().catch(() => Promise.reject(new BodyTakenError()));
      onPiece(new Uint8Array(body));
    },
  };
}

/** The exchange in a request's bindings. The bindings of an app that mounts the server contain none. */
export function exchangeOf(bindings: unknown): Exchange | null {
  return bindings instanceof Exchange ? bindings : null;
}

/** Bytes that one read of a web stream takes at most. A slow sender holds a buffer of this size while it waits. */
const READ_BYTES = 16 * 1024;

/** Reads the body of a request as a stream of the web. */
export async function readWebBody(request: Request, onPiece: (piece: Uint8Array) => void): Promise<void> {
  if (request.bodyUsed) throw new BodyTakenError();
  const { body } = request;
  if (!body) return;
  if (body.locked) throw new BodyTakenError();
  const reader = pieceReader(body);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || !value) return;
      onPiece(value);
    }
  } catch (error) {
    // The rest is not read. If the runtime cannot skip it, the connection ends.
    await reader.cancel().catch(() => {});
    throw error;
  }
}

/** Reads into buffers of its own, because workerd then takes fewer and larger pieces. */
function pieceReader(body: ReadableStream<Uint8Array>) {
  try {
    const reader = body.getReader({ mode: "byob" });
    return { read: () => reader.read(new Uint8Array(READ_BYTES)), cancel: () => reader.cancel() };
  } catch {
    // The stream takes no buffers, such as one that an app's middleware made.
    return body.getReader();
  }
}
