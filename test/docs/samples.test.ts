import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { guides, root, samplesOf, writeSamples } from "../support/samples.ts";

const run = promisify(execFile);

/** The types of `cloudflare:workers`, which the source of `dacapo/cloudflare` imports. */
const workersModule = join(root, "src/sync-server/hosts/cloudflare-workers.d.ts");

test("samples: the code of the README and of the guides compiles as it is pasted", async () => {
  const folder = await writeSamples(["README.md", ...guides], "readme-types");
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      include: ["*.ts", "*.tsx", "app/*.tsx", workersModule],
      exclude: [],
    }),
  );
  const { stdout } = await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
    cwd: root,
  }).catch((error: { stdout: string }) => error);
  expect(stdout).toBe("");
});

test("samples: no two guides write a file of the same name", async () => {
  const names = (await Promise.all(["README.md", ...guides].map(samplesOf))).flat().map(({ name }) => name);
  expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([]);
});

test("samples: the README's first sample has about 30 lines besides the imports", async () => {
  const files = (await samplesOf("README.md")).filter(({ name }) =>
    ["domain.ts", "log.worker.ts", "main.ts", "server.ts"].includes(name),
  );
  const lines = files
    .flatMap(({ code }) => code.split("\n"))
    .filter((line) => line.trim() !== "" && !line.startsWith("import "));
  expect(files).toHaveLength(4);
  expect(lines.length).toBeLessThanOrEqual(32);
});
