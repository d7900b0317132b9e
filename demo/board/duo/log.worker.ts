// The worker of one side of a duo: the board's worker, on the network inside the page. Its name is the duo.
import { serveLog } from "dacapo/worker";
import { domain } from "../domain.ts";
import { installPageNetwork } from "./page-network.ts";

installPageNetwork(self.name);
serveLog(domain);
