/** The programs that use the packed package. Each installs it into a new folder, builds, and opens in Chromium. */
import { unusedPort } from "../e2e/support/unused-port.ts";
import { checkCommandLine } from "./command-line.ts";
import { runGuides } from "./guides.ts";
import { checkOldestHono, OLDEST_HONO } from "./oldest-hono.ts";
import { checkOldestNode } from "./oldest-node.ts";
import { openTwice, type Visit } from "./support/open-twice.ts";
import type { Project, Running } from "./support/project.ts";
import { serveFolder } from "./support/static-site.ts";
import { checkTypes } from "./types.ts";

export type Consumer = {
  readonly name: string;
  /** True for the consumers that `npm test` runs. `npm run test:consumer` runs all. */
  readonly always?: boolean;
  readonly needsBrowser: boolean;
  readonly run: (project: Project) => Promise<void>;
};

export const consumers: readonly Consumer[] = [
  {
    name: "types (TypeScript 7)",
    always: true,
    needsBrowser: false,
    run: (project) => checkTypes(project, { typescript: "7", hono: "4.13.18" }),
  },
  {
    name: "types (TypeScript 5.9)",
    needsBrowser: false,
    run: (project) => checkTypes(project, { typescript: "5.9", hono: OLDEST_HONO }),
  },
  { name: "oldest Hono", needsBrowser: false, run: checkOldestHono },
  { name: "oldest Node", needsBrowser: false, run: checkOldestNode },
  { name: "command line", always: true, needsBrowser: false, run: checkCommandLine },
  { name: "guides", needsBrowser: false, run: runGuides },
  { name: "vite", always: true, needsBrowser: true, run: vite },
  { name: "webpack", needsBrowser: true, run: webpack },
  { name: "esbuild", needsBrowser: true, run: esbuild },
  { name: "next", needsBrowser: true, run: next },
  { name: "no bundler", needsBrowser: true, run: noBundler },
];

/** The README as printed, apart from the ports: its server, the page in development, and the built page. */
async function vite(project: Project): Promise<void> {
  const port = String(await unusedPort());
  await project.writeSamples("README.md", (code) => code.replaceAll("8787", port));
  await project.install("valibot", "vite", "typescript", "@types/node");
  await project.run("typescript/bin/tsc");
  const server = await project.start(["server.ts"], /listens on http:\S+/);
  try {
    const bin = "node_modules/vite/bin/vite.js";
    const listening = /Local:\s+(http:\/\/\S+)/;
    const address = ["--port", String(await unusedPort()), "--strictPort"];
    await opened(await project.start([bin, ...address], listening));
    await project.run("vite/bin/vite.js", "build");
    // The preview takes over the proxy of `server`. The log has the rows of the two visits before.
    await opened(await project.start([bin, "preview", ...address], listening), { present: 2 });
  } finally {
    await server.stop();
  }
}

async function webpack(project: Project): Promise<void> {
  await writeLocalApp(project);
  await project.install("valibot", "webpack@5", "webpack-cli", "esbuild-loader");
  await project.run("webpack/bin/webpack.js");
  await openedFolder(project, "index.html");
}

async function esbuild(project: Project): Promise<void> {
  await writeLocalApp(project, (code) => code.replace('"./log.worker.ts"', '"./log.worker.js"'));
  await project.install("valibot", "esbuild");
  const command = ["main.ts", "log.worker.ts", "--bundle", "--format=esm", "--outdir=dist"];
  // A program, not JavaScript, if npm ran the package's install script.
  await project.npm("exec", "--", "esbuild", ...command);
  await openedFolder(project, "index.html");
}

async function next(project: Project): Promise<void> {
  await writeLocalApp(project);
  await project.install("valibot", "next", "react", "react-dom", "typescript@5.9", "@types/node", "@types/react");
  await project.run("next/dist/bin/next", "build");
  const bin = "node_modules/next/dist/bin/next";
  const server = await project.start([bin, "start", "--port", String(await unusedPort())], /Local:\s+(http:\/\/\S+)/);
  await opened(server, { add: (page) => page.getByRole("button", { name: "Add" }).click() });
}

async function noBundler(project: Project): Promise<void> {
  await project.writeSamples("docs/bundlers.md");
  await project.install("valibot");
  await openedFolder(project, "no-bundler.html");
}

/** The README's page without a server, and the files of docs/bundlers.md. */
async function writeLocalApp(project: Project, change = (code: string) => code): Promise<void> {
  await project.writeSamples("README.md", (code) =>
    change(code.replace(/, sync: \{.*?\} \}/, " }").replace("./main.ts", "./dist/main.js")),
  );
  await project.writeSamples("docs/bundlers.md");
}

async function openedFolder(project: Project, page: string): Promise<void> {
  const site = await serveFolder(project.folder);
  try {
    await openTwice(`${site.origin}/${page}`);
  } finally {
    await site.close();
  }
}

async function opened(server: Running, visit?: Visit) {
  try {
    await openTwice(server.match[1] ?? "", visit);
  } finally {
    await server.stop();
  }
}
