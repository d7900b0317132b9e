// `npm run check:prose [path …]`: checks the words of the project. A path is the beginning of a file's path, such as
// src/core.
import { findProblems } from "../test/support/plain-english.ts";

const problems = findProblems(process.argv.slice(2));
for (const problem of problems) console.error(problem);
if (problems.length > 0) console.error(`\n${problems.length} places to rewrite. CONTRIBUTING.md has the rules.`);
process.exit(problems.length > 0 ? 1 : 0);
