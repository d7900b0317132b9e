// A worker whose board has another version, so that it cannot use stored rows and folds the log.
import { serveLog } from "dacapo/worker";
import { domainAnew } from "./domain.ts";
serveLog(domainAnew);
