import { serveLog } from "../../../src/client/worker.ts";
import { domain } from "../../support/board-domain.ts";

serveLog(domain);
