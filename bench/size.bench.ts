// `npm run bench -- size`: the bytes of Dacapo that an app's user downloads. Each entry is bundled with its
// dependencies, minified, and compressed like a server does. The domain and its schema library belong to the app and
// are not included.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build, defaultClientConditions } from "vite";
import { printTable, writeResult } from "./support/results.ts";

const entries = {
  "dacapo/client": 'import { openLog } from "dacapo/client"; console.log(openLog);',
  "dacapo/worker": 'import { serveLog } from "dacapo/worker"; console.log(serveLog);',
  dacapo:
    'import { aggregate, defineDomain, event, input, projection } from "dacapo"; console.log(aggregate, defineDomain, event, input, projection);',
};

const sizes = [];
for (const [name, code] of Object.entries(entries)) sizes.push({ name, ...(await sizeOf(code)) });
printTable(
  ["", "minified", "gzip", "brotli"],
  sizes.map(({ name, minified, gzip, brotli }) => [name, minified, gzip, brotli]),
);
writeResult("size", { bytes: Object.fromEntries(sizes.map(({ name, ...bytes }) => [name, bytes])) });

async function sizeOf(
  code: string,
): Promise<{ readonly minified: number; readonly gzip: number; readonly brotli: number }> {
  const entry = "virtual:entry";
  const built = await build({
    root: fileURLToPath(new URL(".", import.meta.url)),
    configFile: false,
    logLevel: "warn",
    resolve: { conditions: ["dacapo-source", ...defaultClientConditions] },
    plugins: [
      {
        name: "entry",
        resolveId: (id, importer) =>
          id === entry ? fileURLToPath(new URL("entry.js", import.meta.url)) : importer ? null : id,
        load: (id) => (id.endsWith("/bench/entry.js") ? code : null),
      },
    ],
    build: { write: false, minify: true, target: "es2022", modulePreload: false, rolldownOptions: { input: entry } },
  });
  const outputs = Array.isArray(built) ? built : [built];
  const text = outputs
    .flatMap((one) => ("output" in one ? one.output : []))
    .map((chunk) => (chunk.type === "chunk" ? chunk.code : ""))
    .join("");
  return {
    minified: Buffer.byteLength(text),
    gzip: gzipSync(text, { level: 9 }).byteLength,
    brotli: brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).byteLength,
  };
}
