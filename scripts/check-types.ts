// Type-checks everything: the main program, and the code for workerd, whose global types contradict the DOM's.
import { runAll, tool } from "./programs.ts";

process.exit(
  await runAll([tool("typescript/bin/tsc"), tool("typescript/bin/tsc", "--project", "test/workerd/tsconfig.json")]),
);
