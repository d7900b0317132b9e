// Checks the package as an app installs it. Packs it and unpacks it into a project outside this repository, with only
// its own dependencies. Type-checks the README's code, every entry and the package's declarations there, because in
// this repository `skipLibCheck` and the other installed packages would hide a missing part.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root, run, tool } from "./programs.ts";

// Packages that a reader of the README installs too; React is for apps that use it.
const besides = ["valibot", "@types/node", "react", "@types/react"];
// The settings of a bundler's template, and Node's own resolution.
const settings = [
  { module: "esnext", moduleResolution: "bundler" },
  { module: "nodenext", moduleResolution: "nodenext" },
];

process.exit(await checkConsumer());

async function checkConsumer(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "dacapo-consumer-"));
  try {
    const { exports, dependencies } = unpackInto(folder);
    for (const name of [...Object.keys(dependencies), ...besides]) {
      mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true });
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name), "junction");
    }
    const entries = Object.keys(exports)
      .filter((path) => !path.endsWith(".json"))
      .map((path) => path.replace(/^\./, "dacapo"));
    write(folder, "entries.ts", entries.map((entry, n) => `export * as entry${n} from "${entry}";\n`).join(""));
    write(folder, "package.json", '{ "type": "module" }');
    for (const [, name = "", code = ""] of readFileSync(join(root, "README.md"), "utf8").matchAll(
      /^```ts (\S+)\n([\s\S]*?)^```$/gm,
    ))
      write(folder, name, code);
    for (const setting of settings) {
      const compilerOptions = {
        ...setting,
        target: "es2022",
        lib: ["es2022", "dom"],
        strict: true,
        skipLibCheck: false,
        noEmit: true,
        allowImportingTsExtensions: true,
        verbatimModuleSyntax: true,
      };
      write(folder, "tsconfig.json", JSON.stringify({ compilerOptions, include: ["*.ts"] }));
      const code = await run(tool("typescript/bin/tsc", "--project", folder));
      if (code !== 0) return code;
    }
    console.log(`A separate project can use the package: ${entries.join(", ")}.`);
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Packs like `npm publish`, and puts the result where npm puts it. */
function unpackInto(folder: string): { readonly exports: object; readonly dependencies: object } {
  const npm = process.env["npm_execpath"];
  const [file, first] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
  const packed = spawnSync(file, [...first, "pack", "--ignore-scripts", "--silent", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
  });
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  if (packed.status !== 0 || tarball === undefined) throw new Error(`npm pack failed: ${packed.stderr}`);
  const unpacked = spawnSync("tar", ["-xzf", tarball], { cwd: folder, encoding: "utf8" });
  if (unpacked.status !== 0) throw new Error(`${tarball} could not be unpacked: ${unpacked.stderr}`);
  cpSync(join(folder, "package"), join(folder, "node_modules/dacapo"), { recursive: true });
  const manifest: { exports: object; dependencies: object } = JSON.parse(
    readFileSync(join(folder, "package/package.json"), "utf8"),
  );
  rmSync(join(folder, "package"), { recursive: true });
  return manifest;
}

function write(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}
