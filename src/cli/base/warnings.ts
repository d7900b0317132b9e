/** Node's own warnings on the command line. */

/**
 * Hides that SQLite and type stripping are experimental in some versions of Node, because a person who runs a command
 * cannot act on it. Other warnings are one line.
 */
export function hideExperimentalWarnings(): void {
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => {
    if (name !== "ExperimentalWarning") process.stderr.write(`${name}: ${message}\n`);
  });
}
