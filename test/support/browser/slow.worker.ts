// A browser whose IndexedDB opens the first database only after eight seconds.
import { serveLog } from "../../../src/client/serve-log.ts";
import { domain } from "../board-domain.ts";

const open = indexedDB.open.bind(indexedDB);
let isFirst = true;
IDBFactory.prototype.open = (...facts) => {
  const request = open(...facts);
  if (!isFirst) return request;
  isFirst = false;
  const listen = request.addEventListener.bind(request);
  request.addEventListener = (type: string, listener: (event: Event) => void) => {
    listen(type, type === "success" ? (event) => setTimeout(listener, 8_000, event) : listener);
  };
  return request;
};
serveLog(domain);
