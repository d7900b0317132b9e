// Keeps the files of the built page, so that it opens while no server answers: the log beneath it needs none.
// What a server answers always comes first, so nobody is left with an old page. FILES and VERSION: vite-offline.ts.
const cacheName = `board-page-${VERSION}`;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(FILES)));
});

self.addEventListener("activate", (event) => {
  const forgetOthers = async () => {
    for (const name of await caches.keys()) if (name.startsWith("board-page-") && name !== cacheName) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(forgetOthers());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const kept = request.mode === "navigate" ? "/" : new URL(request.url).pathname;
  if (request.method === "GET" && FILES.includes(kept)) event.respondWith(fetch(request).catch(() => caches.match(kept)));
});
