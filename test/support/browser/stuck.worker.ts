// A browser whose IndexedDB does not answer before the page says so.
import { serveLog } from "../../../src/client/serve-log.ts";
import { domain } from "../board-domain.ts";

const open = indexedDB.open.bind(indexedDB);
IDBFactory.prototype.open = (...facts) => {
  const request = open(...facts);
  const listen = request.addEventListener.bind(request);
  request.addEventListener = (type: string, listener: EventListenerOrEventListenerObject) => {
    if (type !== "success") listen(type, listener);
  };
  return request;
};
serveLog(domain);
