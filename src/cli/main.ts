#!/usr/bin/env node
/**
 * The command `dacapo`.
 *
 * Place: the bin of the package. docs/command-line.md describes it.
 */
import { hideExperimentalWarnings } from "./base/warnings.ts";

hideExperimentalWarnings();
// Loaded afterwards, because loading Node's SQLite already warns.
const { runDacapo } = await import("./run-dacapo.ts");
process.exitCode = await runDacapo(process.argv.slice(2));
