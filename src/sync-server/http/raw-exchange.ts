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

/** The exchange in a request's bindings. The bindings of an app that mounts the server contain none. */
export function exchangeOf(bindings: unknown): Exchange | null {
  return bindings instanceof Exchange ? bindings : null;
}

/** Reads the body of a request as a stream of the web. */
export async function readWebBody({ body }: Request, onPiece: (piece: Uint8Array) => void): Promise<void> {
  if (!body) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onPiece(value);
    }
  } catch (error) {
    // The rest is not read. If the runtime cannot skip it, the connection ends.
    await reader.cancel().catch(() => {});
    throw error;
  }
}
