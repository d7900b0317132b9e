// Imports `serveLog` and never calls it.
import { serveLog } from "../../../src/client/serve-log.ts";

if (typeof serveLog !== "function") throw new Error("serveLog is missing");
