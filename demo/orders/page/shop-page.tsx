/** The shop: its orders, stock and sales, and what the server does beside them. */
import { useState } from "react";
import { Wordmark } from "../../board/ui/wordmark.tsx";
import { Customers } from "./customers.ts";
import { MistakeSection } from "./mistake-section.tsx";
import { OrdersSection } from "./orders-section.tsx";
import { RebuildSection } from "./rebuild-section.tsx";
import { SalesSection } from "./sales-section.tsx";
import { clock } from "./say.ts";
import type { Shop } from "./shop-state.ts";
import { StockSection } from "./stock-section.tsx";
import { type Reading, useShop } from "./use-shop.ts";
import { ServerGone } from "./use-work.tsx";

export function ShopPage() {
  const reading = useShop();
  const { shop, problem } = reading;
  return (
    <ServerGone value={problem !== null}>
      <main>
        <header>
          <Wordmark />
          <h1>A shop on one log of events</h1>
          <p>
            Customers place orders. A process on the server reserves the stock, asks for the payment, and ships or
            cancels. Stock and sales are rows that the server folds from the same events.
          </p>
        </header>
        <Answering {...reading} />
        {shop && <Sections shop={shop} isStale={problem !== null} />}
      </main>
    </ServerGone>
  );
}

/** The region is always there, because a screen reader reads only changes of a region that it knows. */
function Answering({ shop, readAt, problem }: Reading) {
  return (
    <div role="status" className="answering">
      {problem !== null ? (
        <p className="gone">
          <strong>{problem}.</strong>{" "}
          {readAt !== null && `The numbers are those of ${clock(readAt)}. Nothing that the shop recorded is lost. `}
          The page asks again by itself.
        </p>
      ) : (
        !shop && <p className="hint">Opening the shop …</p>
      )}
    </div>
  );
}

function Sections({ shop, isStale }: { readonly shop: Shop; readonly isStale: boolean }) {
  const [customers] = useState(() => new Customers());
  const { state } = shop;
  const sales = state.models.find(({ name }) => name === "sales");
  return (
    <div className={isStale ? "sections stale" : "sections"}>
      <OrdersSection shop={shop} customers={customers} />
      <StockSection stock={shop.stock} />
      <SalesSection sales={shop.sales} phase={sales?.phase ?? "missing"} />
      {sales && <RebuildSection model={sales} events={state.at} compared={state.compared} />}
      {sales && <MistakeSection shop={shop} customers={customers} />}
    </div>
  );
}
