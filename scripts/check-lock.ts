// Checks that package-lock.json works on every machine. `npm test` runs it.
//
// npm leaves an optional package out of the lock when the registry does not have it at that version,
// and `npm ci` then fails on the platform that needs it. This happened with oxlint and oxc-parser, whose newest
// versions had no darwin and windows builds. A lock that names a registry's host forces all machines to use
// that registry.
import { readFileSync } from "node:fs";
import { root } from "./programs.ts";

type Entry = {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

const lock = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")) as {
  readonly packages: Readonly<Record<string, Entry>>;
};
const problems = Object.entries(lock.packages).flatMap(([path, entry]) => [
  ...missingFrom(path, entry),
  ...hostOf(path, entry),
]);

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(
  `package-lock.json: ${Object.keys(lock.packages).length} packages, none missing for any platform, no hosts`,
);

function missingFrom(path: string, { optionalDependencies = {} }: Entry): string[] {
  return Object.entries(optionalDependencies)
    .filter(([name]) => !isLocked(path, name))
    .map(
      ([name, range]) =>
        `${path} wants ${name}@${range}, which the lock does not have, so npm ci fails on platforms that need it. ` +
        "Take a version whose packages are all published (see `overrides` in package.json).",
    );
}

function hostOf(path: string, { resolved }: Entry): string[] {
  if (!resolved || resolved.startsWith("file:")) return [];
  return [
    `${path} names the registry ${resolved}. Write the lock with the project's .npmrc (omit-lockfile-registry-resolved).`,
  ];
}

/** Searches like Node: next to the package, then in the folders above. */
function isLocked(path: string, name: string): boolean {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (lock.packages[`${folder}${folder && "/"}node_modules/${name}`]) return true;
    if (folder === "") return false;
    if (!folder.includes("/node_modules/")) return lock.packages[`node_modules/${name}`] !== undefined;
  }
}
