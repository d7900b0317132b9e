// The shop's server as a process: the API and the page on one port. `npm run demo:orders` starts it.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { mount } from "hono/mount";
import { shopApi } from "./api.ts";
import { RunningShop } from "./running-shop.ts";
import type { SalesRelease } from "./shop.ts";

const { ORDERS_DB = ".data/orders.db", ORDERS_SALES = "right", ORDERS_BASE_EVERY = "10000", PORT = "0" } = process.env;
const release: SalesRelease = ORDERS_SALES === "none" || ORDERS_SALES === "mistaken" ? ORDERS_SALES : "right";

// A poison event and a provider that does not answer are part of the demo, and the page shows them.
const shop = new RunningShop({
  file: ORDERS_DB,
  release,
  baseEvery: Number(ORDERS_BASE_EVERY),
  onError: () => {},
});
const app = new Hono().route("/api", shopApi(shop));
app.all(
  "/sync/*",
  mount(async (request) => (await shop.server()).fetch(request)),
);
const http = serve({ fetch: app.fetch, port: Number(PORT), hostname: "localhost" }, ({ port }) =>
  console.log(`listening on http://localhost:${port}`),
);
http.once("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EADDRINUSE") throw error;
  console.error(`Port ${PORT} is already in use. Stop the other server, or set PORT to another port.`);
  process.exit(1);
});

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    http.close();
    void shop
      .server()
      .then((server) => server.close())
      .then(() => process.exit(0));
  });
