/**
 * A link of constant speed between `fetch` and a server in the same process, in whatever time the timers run.
 *
 * Requests and answers leave and arrive in steps, so that a call that is given up has cost only its bytes until then.
 */
export type SlowLink = {
  readonly fetch: typeof fetch;
  /** Bytes of all bodies that left or arrived. */
  readonly bytes: { up: number; down: number };
  /** Each request with its status, such as `POST commits 200`. A request that was given up has no status. */
  readonly requests: string[];
};

const STEP_MS = 250;

export function slowLink(serve: (request: Request) => Response | Promise<Response>, bytesPerSecond: number): SlowLink {
  const bytes = { up: 0, down: 0 };
  const requests: string[] = [];
  const stepBytes = Math.ceil((bytesPerSecond * STEP_MS) / 1_000);
  const step = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = () => reject(new DOMException("The call was given up", "AbortError"));
      signal.addEventListener("abort", onAbort, { once: true });
      setTimeout(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      }, STEP_MS);
    });
  const linkFetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const { signal } = request;
    const index = requests.push(`${request.method} ${new URL(request.url).pathname.split("/").at(-1)}`) - 1;
    const body = request.body ? new Uint8Array(await request.clone().arrayBuffer()) : new Uint8Array();
    for (let sent = 0; sent === 0 || sent < body.byteLength; sent += stepBytes) {
      await step(signal);
      bytes.up += Math.min(stepBytes, body.byteLength - sent);
    }
    const response = await serve(request);
    const answer = new Uint8Array(await response.arrayBuffer());
    requests[index] += ` ${response.status}`;
    let received = 0;
    const stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (received >= answer.byteLength) return controller.close();
          try {
            await step(signal);
          } catch (error) {
            return controller.error(error);
          }
          const piece = answer.subarray(received, received + stepBytes);
          received += piece.byteLength;
          bytes.down += piece.byteLength;
          return controller.enqueue(piece);
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(stream, { status: response.status, headers: response.headers });
  };
  return { fetch: linkFetch, bytes, requests };
}
