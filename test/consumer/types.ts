/**
 * Checks the declarations of the package as an app's compiler does: every entry and the code of the documentation,
 * beside another Hono than this repository's, without `skipLibCheck`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseOwnJson } from "../support/own-json.ts";
import { guides, root } from "../support/samples.ts";
import type { Project } from "./support/project.ts";

/** The settings of a bundler's template, and Node's own resolution. */
const settings = [
  { module: "esnext", moduleResolution: "bundler" },
  { module: "nodenext", moduleResolution: "nodenext" },
];

export async function checkTypes(
  project: Project,
  { typescript, hono }: { readonly typescript: string; readonly hono: string },
): Promise<void> {
  for (const page of ["README.md", ...guides]) await project.writeSamples(page);
  const sdk = ["@opentelemetry/sdk-trace", "@opentelemetry/sdk-metrics"];
  const besides = ["valibot", "@types/node", "@hono/node-server", ...sdk, ...optionalPeers()];
  await project.install(`typescript@${typescript}`, `hono@${hono}`, ...besides);
  const { exports } = parseOwnJson<{ exports: object }>(
    readFileSync(join(project.folder, "node_modules/dacapo/package.json"), "utf8"),
  );
  const entries = Object.keys(exports).filter((path) => !path.endsWith(".json"));
  project.write(
    "entries.ts",
    entries.map((path, n) => `export * as entry${n} from "${path.replace(/^\./, "dacapo")}";\n`).join(""),
  );
  for (const setting of settings) {
    const compilerOptions = {
      ...setting,
      target: "es2023",
      lib: ["es2023", "dom", "dom.iterable"],
      jsx: "react-jsx",
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      allowImportingTsExtensions: true,
      verbatimModuleSyntax: true,
    };
    const types = "tsconfig.types.json";
    // The types of a Worker contradict those of the DOM, so samples for the edge need a program of their own.
    project.write(
      types,
      JSON.stringify({ compilerOptions, include: ["*.ts", "*.tsx", "app/*.tsx"], exclude: ["edge*.ts"] }),
    );
    await project.run("typescript/bin/tsc", "--project", types);
  }
}

/** Packages that only some entries need, such as React, with their types. */
function optionalPeers(): string[] {
  const { peerDependenciesMeta, devDependencies } = parseOwnJson<{
    peerDependenciesMeta: object;
    devDependencies: object;
  }>(readFileSync(join(root, "package.json"), "utf8"));
  const peers = Object.keys(peerDependenciesMeta);
  return [...peers, ...peers.map((name) => `@types/${name}`).filter((name) => name in devDependencies)];
}
