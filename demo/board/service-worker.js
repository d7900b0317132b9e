// Keeps the files of the built page, so that it opens while no server answers: the log beneath it needs none.
// What a server answers always comes first, so nobody is left with an old page. FILES and VERSION: vite-offline.ts.
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
  // By its path alone: a server may say that answers vary by headers of the request.
  else if (request.method === "GET" && FILES.includes(pathname))
    event.respondWith(fetch(request).catch(() => caches.match(pathname)));
});

async function openPage(request) {
  try {
    const response = await fetch(request);
    // Another page has moved in at this address, `npm run dev` perhaps: then nothing of ours stays behind.
    if (response.ok && !(await response.clone().text()).includes("/service-worker.js"))
      await self.registration.unregister();
    return response;
  } catch {
    return caches.match("/");
  }
}
