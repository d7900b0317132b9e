/** The test server as one file: a process then loads in half the time, and hundreds of them are started here. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** Writes it into a folder and gives its path. */
export async function bundleServer(folder: string): Promise<string> {
  const conditions = ["dacapo-source", "node"];
  await build({
    configFile: false,
    logLevel: "error",
    root: fileURLToPath(new URL("../..", import.meta.url)),
    resolve: { conditions },
    ssr: { noExternal: true, resolve: { conditions } },
    build: {
      ssr: fileURLToPath(new URL("../support/server-child/main.ts", import.meta.url)),
      outDir: folder,
      emptyOutDir: true,
      target: "node22",
      rolldownOptions: { output: { entryFileNames: "server.mjs" } },
    },
  });
  return join(folder, "server.mjs");
}
