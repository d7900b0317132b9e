// The worker in which the board's log lives: storage, sync and folding stay off the page's thread.
import { serveLog } from "dacapo/worker";
import { domain } from "./domain.ts";

serveLog(domain);
