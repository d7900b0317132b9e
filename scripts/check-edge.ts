// Bundles the demo's Worker as a deploy does, without deploying it. Checks that the bundle stays small and needs no
// module of Node, so that an app needs no `nodejs_compat`.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { run } from "./programs.ts";
import { edgePage, wrangler } from "./wrangler.ts";

// The calls of a turn, which the SQL stores share, passed 105.
/**
 * Kilobytes of the minified and compressed bundle: Dacapo, Hono, and the board's domain with valibot. SQL models need
 * about 5 of them: the statements of the store, and the check of an app's statements. Bases need 1.5. A
 * keeper that reads states from the log, and the rows that a node keeps, need 0.5. The typed errors for wrong arguments
 * of each call need 1.2. A reader of bodies with buffers of its own needs 0.1. Reports of parked events need 0.6, and
 * checked names of queries 0.3. Reasons with causes, and errors that list the known names, need 0.3. Jobs of a
 * log that was restored need 0.2. The lags of followers and the report of a stopped job need 0.8. The
 * reports of a socket that did not open, and of a second restore of a log, need 0.1. The names of all options, with
 * which a misspelled one is refused, need 0.3. Deleted rows that newer code keeps absent need 0.3.
 * The sorted list of waiting streams, and errors that name the wrong model, need 0.3.
 * Writes of rows of a bounded size, and old rows that stay for a day, need 0.4.
 * The known options of single calls, a telemetry that may throw, several refused events of a write, and the name of a
 * damaged row need 1.2.
 * Reads of rows in pages, and steps whose rows fit into memory, need 0.8.
 * Stored records that each reader checks need 0.7.
 * Events of a newer release that wait for it, and logs of a subscriber in turn, need 0.9. Comparisons beside appends,
 * and bounded events of other authors, need 0.8. The rest is for processors that pack the same
 * code into another number of bytes.
 */
const GZIP_KB_MAX = 139.5;

const folder = mkdtempSync(join(tmpdir(), "dacapo-edge-"));
try {
  process.exitCode = await checkBundle();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function checkBundle(): Promise<number> {
  // Wrangler requires the folder. The page itself is not part of this check.
  mkdirSync(edgePage, { recursive: true });
  const code = await run({ ...wrangler("deploy", "--dry-run", "--minify", "--outdir", folder), quiet: true });
  if (code !== 0) {
    console.error(`wrangler deploy --dry-run failed with code ${code}.`);
    return code;
  }
  const bundle = readFileSync(join(folder, "edge.js"));
  const kilobytes = gzipSync(bundle).byteLength / 1000;
  const size = `The Worker has ${kilobytes.toFixed(1)} kB, at most ${GZIP_KB_MAX} kB are allowed (minified, gzip).`;
  const nodeModules = [...bundle.toString().matchAll(/\b(?:from|import\(?|require\()\s*["'](node:[^"']+)["']/g)];
  for (const [, name = ""] of nodeModules) console.error(`The Worker imports ${name}.`);
  console.log(size);
  return kilobytes <= GZIP_KB_MAX && nodeModules.length === 0 ? 0 : 1;
}
