/** The orders by status, the latest of them, and the buttons that make more. */
import type { Customers } from "./customers.ts";
import { count, money, number } from "./say.ts";
import { type LatestOrder, post, type Shop } from "./shop-state.ts";
import { ProcessLine } from "./process-line.tsx";
import { isSoldOut } from "./stock-bars.ts";
import { LIVE_PER_SECOND, useLiveOrders } from "./use-live-orders.ts";
import { Problem, useWork, WorkButton } from "./use-work.tsx";

const STATUSES = [
  { status: "placed", about: "wait for their payment" },
  { status: "paid", about: "wait for the warehouse" },
  { status: "shipped", about: "are on their way" },
  { status: "cancelled", about: "sold out, or payment declined" },
] as const;
const AT_ONCE = 100;

export function OrdersSection({ shop, customers }: { readonly shop: Shop; readonly customers: Customers }) {
  const { orders, latest } = shop.state;
  const needsStock = isSoldOut(shop.stock);
  return (
    <section className="orders wide" aria-labelledby="orders">
      <div className="section-head">
        <h2 id="orders">Orders</h2>
        <Buttons shop={shop} needsStock={needsStock} customers={customers} />
      </div>
      {needsStock && <p className="hint">The shop has no stock, so it cancels each order. Receive stock first.</p>}
      <dl className="counts">
        {STATUSES.map(({ status, about }) => (
          <div key={status} className={status}>
            <dt>{status}</dt>
            <dd>
              {number(orders[status] ?? 0)} <span className="hint">{about}</span>
            </dd>
          </div>
        ))}
      </dl>
      <ProcessLine {...shop.state} />
      <Latest orders={latest} />
    </section>
  );
}

type ButtonsProps = { readonly shop: Shop; readonly needsStock: boolean; readonly customers: Customers };

function Buttons({ shop, needsStock, customers }: ButtonsProps) {
  const work = useWork();
  const live = useLiveOrders(customers, shop);
  return (
    <div className="buttons">
      <WorkButton work={work} isPrimary={!needsStock} onRun={() => customers.place(AT_ONCE)}>
        Place {AT_ONCE} orders
      </WorkButton>
      <WorkButton work={work} isPrimary={needsStock} onRun={() => post("/stock/fill")}>
        Receive stock
      </WorkButton>
      <button type="button" role="switch" aria-checked={live.isOn} className="switch" onClick={live.toggle}>
        <span className="track" />
        <span>{LIVE_PER_SECOND} orders a second</span>
      </button>
      <Problem of={work} />
    </div>
  );
}

function Latest({ orders }: { readonly orders: readonly LatestOrder[] }) {
  return (
    <div className="latest">
      <h3>The latest orders</h3>
      {orders.length === 0 ? (
        <p className="hint">Nobody has ordered since the shop opened. The next order appears here.</p>
      ) : (
        <ol>
          {orders.map((order) => (
            <Order key={order.id} order={order} />
          ))}
        </ol>
      )}
    </div>
  );
}

/** A hollow note is a step that is still to come, a filled one is done. */
function Order({ order }: { readonly order: LatestOrder }) {
  const { id, customer, pieces, cents, status, reason, isReserved, ms } = order;
  const isPaid = status === "paid" || status === "shipped";
  return (
    <li>
      <span className="order-name">
        {customer} <span className="hint">{id}</span>
      </span>
      <span className="order-amount">
        {count(pieces, "piece")}, {money(cents)}
      </span>
      <ol className="steps order-steps">
        <Step name="placed" isDone />
        {(isReserved || status !== "cancelled") && <Step name="reserved" isDone={isReserved} />}
        {status === "cancelled" ? (
          <Step name={`cancelled: ${(reason ?? "").replaceAll("-", " ")}`} isBad />
        ) : (
          <>
            <Step name="paid" isDone={isPaid} />
            <Step name="shipped" isDone={status === "shipped"} />
          </>
        )}
      </ol>
      <span className="order-time hint">
        {status === "shipped" || status === "cancelled" ? `in ${number(ms)} ms` : ""}
      </span>
    </li>
  );
}

type StepProps = { readonly name: string; readonly isDone?: boolean; readonly isBad?: boolean };

function Step({ name, isDone = false, isBad = false }: StepProps) {
  return (
    <li className={isBad ? "bad" : isDone ? "done" : ""}>
      <span className="note-sign" aria-hidden="true" />
      {name}
      {!isDone && !isBad && <span className="hidden"> (to come)</span>}
    </li>
  );
}
