// `npm run demo:orders`: the shop with its page. Ctrl-C stops it. With `--once --orders 10000` it runs a day of the
// shop, prints a line for each check, and exits with 1 if one fails.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { runOnce } from "../demo/orders/script/once.ts";
import { joinByBase } from "../test/support/new-device.ts";
import { assertFree } from "./free-port.ts";
import { startOrdersPage } from "./orders-page.ts";
import { root } from "./programs.ts";

const { values } = parseArgs({
  options: { once: { type: "boolean", default: false }, orders: { type: "string", default: "10000" } },
});

if (values.once) process.exit((await runOnce(Number(values.orders), console.log, joinByBase)) ? 0 : 1);
try {
  await startPage();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

/** The page on PAGE_PORT (5175), and the shop's server on PORT (8790) in its own process. */
async function startPage(): Promise<void> {
  const { PORT = "8790", PAGE_PORT = "5175" } = process.env;
  await assertFree("npm run demo:orders", "PAGE_PORT", Number(PAGE_PORT), "page");
  await assertFree("npm run demo:orders", "PORT", Number(PORT), "server");
  mkdirSync(`${root}.data`, { recursive: true });
  process.env["NODE_ENV"] = "production";
  const site = await startOrdersPage({
    outDir: `${root}.data/orders-page-${PAGE_PORT}`,
    host: "localhost",
    port: Number(PAGE_PORT),
    apiPort: Number(PORT),
  });
  const shop = spawn(
    process.execPath,
    ["--conditions=dacapo-source", "--import", `${root}scripts/end-with-parent.mjs`, "demo/orders/server/main.ts"],
    { cwd: root, stdio: ["ignore", "pipe", "inherit", "ipc"], env: { ...process.env, PORT } },
  );
  shop.on("close", (code) => process.exit(code ?? 0));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => shop.kill("SIGTERM"));
  if (!shop.stdout) return;
  for await (const line of createInterface({ input: shop.stdout })) {
    // Its own address has no page. So only the page's address is shown, when the page has a server to read from.
    if (line.startsWith("listening on ")) console.log(`\nOpen ${site.resolvedUrls?.local[0] ?? ""}  (Ctrl-C stops)\n`);
    else console.log(line);
  }
}
