// Keeps the files of the built page, so that the page opens while no server answers. The log needs no server either.
// A server's answer always comes first, so no person keeps an old page. FILES and VERSION come from vite-offline.ts.
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
  // Match by the path alone, because a server may say that answers vary by request headers.
  else if (request.method === "GET" && FILES.includes(pathname))
    event.respondWith(fetch(request).catch(() => caches.match(pathname)));
});

async function openPage(request) {
  try {
    const response = await fetch(request);
    // Another page now answers at this address, such as `npm run dev`. Remove everything that this worker stored.
    if (response.ok && !(await response.clone().text()).includes("/service-worker.js"))
      await self.registration.unregister();
    return response;
  } catch {
    return caches.match("/");
  }
}
