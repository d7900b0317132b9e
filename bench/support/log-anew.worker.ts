// Its board has another version, so rows that were stored are of no use and the log is folded.
import { serveLog } from "dacapo/worker";
import { domainAnew } from "./domain.ts";
serveLog(domainAnew);
