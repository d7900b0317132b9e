/** The code blocks of a page. Blocks with a file's name after the language are written to files, checked and run. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Pages whose samples continue the samples of the README. */
export const guides = [
  "docs/client.md",
  "docs/bundlers.md",
  "docs/changing-a-domain.md",
  "docs/testing.md",
  "docs/operating.md",
  "docs/command-line.md",
  "docs/deploy-cloudflare.md",
  "docs/read-models.md",
  "docs/server-code.md",
  "docs/subscribers.md",
  "docs/processes.md",
];

export type Sample = { readonly language: string; readonly name: string; readonly code: string };

export async function samplesOf(page: string): Promise<readonly Sample[]> {
  const text = await readFile(join(root, page), "utf8");
  return [...text.matchAll(/^```(\w+) (\S+)\n([\s\S]*?)^```$/gm)].map(([, language = "", name = "", code = ""]) => ({
    language,
    name,
    code,
  }));
}

/**
 * Writes the files of pages into a fresh folder inside the project, where `dacapo` resolves to its own source.
 * A page may import a file of an earlier page.
 */
export async function writeSamples(pages: readonly string[], folder: string): Promise<string> {
  const target = join(root, ".test-output", folder);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const samples = (await Promise.all(pages.map(samplesOf))).flat();
  for (const { language, name, code } of samples)
    if (["ts", "tsx", "html"].includes(language)) {
      await mkdir(dirname(join(target, name)), { recursive: true });
      await writeFile(join(target, name), code);
    }
  return target;
}
