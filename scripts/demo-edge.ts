// `npm run demo:edge`: runs the demo board on Cloudflare's own runtime, on this machine. Ctrl-C stops it.
import { assertFree } from "./free-port.ts";
import { root } from "./programs.ts";
import { buildEdgePage, startEdge } from "./wrangler.ts";

const port = Number(process.env["PORT"] ?? 8788);
try {
  await assertFree("npm run demo:edge", "PORT", port, "Worker");
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
await buildEdgePage();
const server = await startEdge(port, `${root}.data/edge`);
console.log(`\nOpen ${server.origin}  (open a second window to see the sync; Ctrl-C stops)\n`);

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    stopping = true;
    void server.stop().then(() => process.exit(0));
  });
}
const code = await server.ended;
if (!stopping) {
  console.error(`Wrangler stopped with code ${code}. Its output:\n${server.output()}`);
  process.exit(1);
}
