/** The lines of an exported log, from its bytes or its text. */
import type { LogArchive } from "./cloudflare-runtime.ts";

export async function* archiveLines(archive: LogArchive): AsyncGenerator<string> {
  if (typeof archive === "string") return yield* archive.trimEnd().split("\n");
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const reader = archive.getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
      if (done) break;
    }
    if (rest !== "") yield rest;
  } finally {
    await reader.cancel().catch(() => {});
  }
}
