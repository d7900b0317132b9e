/** Bundles the test server into one file, because hundreds of processes start here and each loads in half the time. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** Writes the bundle into a folder and returns its path. */
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
