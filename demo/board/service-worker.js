// Caches the files of the built page, so that the page opens without a server. The log works without a server too.
// The server's answer comes first, because otherwise people would keep an old page. FILES, VERSION: vite-offline.ts.
const cacheName = `board-page-${VERSION}`;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(FILES)));
});

self.addEventListener("activate", (event) => {
  const forgetOthers = async () => {
    for (const name of await caches.keys())
      if (name.startsWith("board-page-") && name !== cacheName) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(forgetOthers());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.mode === "navigate") event.respondWith(openPage(request));
  // Match by the path only, because a server's answer may vary by headers of the request.
  else if (request.method === "GET" && FILES.includes(pathname))
    event.respondWith(fetch(request).catch(() => caches.match(pathname)));
});

async function openPage(request) {
  try {
    const response = await fetch(request);
    // If another page has this address now, such as `npm run dev`, remove this service worker.
    if (response.ok && !(await response.clone().text()).includes("/service-worker.js"))
      await self.registration.unregister();
    return response;
  } catch {
    return caches.match("/");
  }
}
