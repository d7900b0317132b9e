// Its board has another version, so stored rows are useless and the worker folds the log.
import { serveLog } from "dacapo/worker";
import { domainAnew } from "./domain.ts";
serveLog(domainAnew);
