/** Adds the service worker to a built page. There is none in development. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const source = new URL("./service-worker.js", import.meta.url);
const REGISTER = 'navigator.serviceWorker?.register("/service-worker.js")';

export function offlinePage(): Plugin {
  return {
    name: "offline-page",
    transformIndexHtml: (_, { server }) => (server ? [] : [{ tag: "script", children: REGISTER, injectTo: "body" }]),
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const files = [
          "/",
          ...Object.keys(bundle)
            .filter((file) => file !== "index.html")
            .map((file) => `/${file}`),
        ];
        // Only the page's name is independent of its content. The names of the other files change with their content.
        const page = bundle["index.html"];
        const version = createHash("sha256")
          .update(page?.type === "asset" ? page.source : "")
          .digest("hex")
          .slice(0, 12);
        const head = `const VERSION = ${JSON.stringify(version)};\nconst FILES = ${JSON.stringify(files)};\n`;
        this.emitFile({ type: "asset", fileName: "service-worker.js", source: head + readFileSync(source, "utf8") });
      },
    },
  };
}
