// The browser bundles of Dacapo as an app's bundler makes them, and the bytes that each of their modules holds.
import { SourceMap } from "node:module";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build, defaultClientConditions } from "vite";

export interface Bundle {
  readonly name: string;
  readonly code: string;
  readonly map: SourceMap;
}

export interface Sizes {
  readonly minified: number;
  readonly gzip: number;
  readonly brotli: number;
}

const entries = {
  "dacapo/client": 'import { openLog } from "dacapo/client"; console.log(openLog);',
  "dacapo/worker": 'import { serveLog } from "dacapo/worker"; console.log(serveLog);',
  dacapo:
    'import { aggregate, defineDomain, event, input, projection } from "dacapo"; console.log(aggregate, defineDomain, event, input, projection);',
};
const bench = fileURLToPath(new URL("..", import.meta.url));

export async function bundleEntries(): Promise<readonly Bundle[]> {
  const bundles = [];
  for (const [name, source] of Object.entries(entries)) bundles.push({ name, ...(await bundle(source)) });
  return bundles;
}

/** Bytes of `code` as it is, and compressed at the highest level. */
export function compressedSizes(code: string): Sizes {
  return {
    minified: Buffer.byteLength(code),
    gzip: gzipSync(code, { level: 9 }).byteLength,
    brotli: brotliCompressSync(code, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).byteLength,
  };
}

/** The bytes of a one-file bundle by the module that they come from, the largest first. */
export function bytesByModule(code: string, map: SourceMap): readonly (readonly [string, number])[] {
  const bytes = new Map<string, number>();
  for (const [line, text] of code.split("\n").entries())
    for (let column = 0; column < text.length; column++) {
      const found = map.findEntry(line, column);
      const module = "originalSource" in found ? shortName(found.originalSource) : "(bundler)";
      bytes.set(module, (bytes.get(module) ?? 0) + Buffer.byteLength(text[column] ?? ""));
    }
  return [...bytes].toSorted(([, one], [, other]) => other - one);
}

function shortName(source: string): string {
  return source.replace(/^.*?(?:node_modules|src)\//, (start) => (start.endsWith("src/") ? "" : "node_modules/"));
}

async function bundle(source: string): Promise<Omit<Bundle, "name">> {
  const entry = "virtual:entry";
  const built = await build({
    root: bench,
    configFile: false,
    logLevel: "warn",
    resolve: { conditions: ["dacapo-source", ...defaultClientConditions] },
    plugins: [
      {
        name: "entry",
        resolveId: (id, importer) =>
          id === entry ? fileURLToPath(new URL("../entry.js", import.meta.url)) : importer ? null : id,
        load: (id) => (id.endsWith("/bench/entry.js") ? source : null),
      },
    ],
    build: {
      write: false,
      minify: true,
      sourcemap: "hidden",
      target: "es2022",
      modulePreload: false,
      rolldownOptions: { input: entry },
    },
  });
  const chunks = (Array.isArray(built) ? built : [built])
    .flatMap((one) => ("output" in one ? one.output : []))
    .filter((chunk) => chunk.type === "chunk");
  const [chunk] = chunks;
  if (!chunk?.map || chunks.length > 1) throw new Error(`The bundle of ${source} is not one chunk with a source map.`);
  const { version, file, names, sources, sourcesContent, mappings } = chunk.map;
  const map = new SourceMap({
    version,
    file: file ?? "",
    names,
    sources,
    sourcesContent: (sourcesContent ?? []).map((content) => content ?? ""),
    mappings,
    sourceRoot: "",
  });
  return { code: chunk.code, map };
}
