// Type-checks the main program and the code for workerd separately, because workerd's global types contradict the
// DOM's.
import { runAll, tool } from "./programs.ts";

process.exit(
  await runAll([tool("typescript/bin/tsc"), tool("typescript/bin/tsc", "--project", "test/workerd/tsconfig.json")]),
);
