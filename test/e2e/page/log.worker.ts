import { serveLog } from "dacapo/worker";
import { domain } from "../../support/board-domain.ts";

serveLog(domain);
