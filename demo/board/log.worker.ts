// The worker of the board's log: storage, sync and folding run outside the page's thread.
import { serveLog } from "dacapo/worker";
import { domain } from "./domain.ts";

serveLog(domain);
