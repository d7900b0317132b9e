// A browser that does not let the page store data.
import { serveLog } from "../../../src/client/serve-log.ts";
import { domain } from "../board-domain.ts";

IDBFactory.prototype.open = () => {
  throw new DOMException("Access to the IndexedDB API is denied in this context.", "SecurityError");
};
serveLog(domain);
