/**
 * The short way of a request's bytes and of a whole answer, where a runtime has one beside the streams of the web.
 *
 * Place: a runtime hands one in as Hono's bindings, `app` takes it out. On Node each stream of the web costs a push more than its
 * decision. Without one, as in an app that mounts the server, `Request` and `Response` carry everything.
 */
export class Exchange {
  /** Hands over each piece of the body as it comes; resolves at its end. Rejects where it breaks off, and with what `take` throws: then no more is read. */
  readonly readBody: (take: (piece: Uint8Array) => void) => Promise<void>;
  /** Sends a whole text with status 200. Gives what stands for it on the way out. */
  readonly answer: (text: string, headers: Readonly<Record<string, string>>) => Response;

  constructor(ways: Pick<Exchange, "readBody" | "answer">) {
    this.readBody = ways.readBody;
    this.answer = ways.answer;
  }
}

/** The exchange among a request's bindings; an app's own bindings hold none. */
export function exchangeOf(bindings: unknown): Exchange | null {
  return bindings instanceof Exchange ? bindings : null;
}

/** The body of a request as streams of the web give it. */
export async function readWebBody({ body }: Request, take: (piece: Uint8Array) => void): Promise<void> {
  if (!body) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      take(value);
    }
  } catch (error) {
    // What is left is not read; the connection ends where the runtime cannot skip it.
    await reader.cancel().catch(() => {});
    throw error;
  }
}
