// A browser whose IndexedDB opens the first database only when the page says so.
import { serveLog } from "../../../src/client/serve-log.ts";
import { domain } from "../board-domain.ts";

const isReleased = new Promise((resolve) => (new BroadcastChannel("slow-database").onmessage = resolve));
const open = indexedDB.open.bind(indexedDB);
let isFirst = true;
IDBFactory.prototype.open = (...facts) => {
  const request = open(...facts);
  if (!isFirst) return request;
  isFirst = false;
  const listen = request.addEventListener.bind(request);
  request.addEventListener = (type: string, listener: (event: Event) => void) => {
    listen(type, type === "success" ? (event) => void isReleased.then(() => listener(event)) : listener);
  };
  return request;
};
serveLog(domain);
