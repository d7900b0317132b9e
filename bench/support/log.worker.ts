import { serveLog } from "dacapo/worker";
import { domain } from "./domain.ts";
serveLog(domain);
