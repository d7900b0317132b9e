/** The page's end of export and import: streams of text over the worker's pieces. */

export function exportStream(next: (begin: boolean) => Promise<string | null>): ReadableStream<string> {
  let begin = true;
  return new ReadableStream<string>({
    async pull(controller) {
      const piece = await next(begin);
      begin = false;
      if (piece === null) controller.close();
      else controller.enqueue(piece);
    },
  });
}

export async function importStream(
  ndjson: ReadableStream<string>,
  next: (piece: string, place: { readonly begin: boolean; readonly last: boolean }) => Promise<void>,
): Promise<void> {
  const reader = ndjson.getReader();
  for (let begin = true; ; begin = false) {
    const { done, value } = await reader.read();
    await next(value ?? "", { begin, last: done });
    if (done) return;
  }
}
