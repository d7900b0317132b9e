/** Orders by status, stock, sales, and what the server does beside them. */
import { randomId } from "dacapo/client";
import { useState } from "react";
import { orderOf } from "../order-of.ts";
import { post, type Model, type Shop } from "./shop-state.ts";
import { type Bar, isSoldOut, stockBars } from "./stock-bars.ts";
import { useShop } from "./use-shop.ts";

const STATUSES = ["placed", "paid", "shipped", "cancelled"];
const AT_ONCE = 100;

export function ShopPage() {
  const { shop, error } = useShop();
  return (
    <main>
      <header>
        <h1>Orders</h1>
        <p>
          Each order is a process: it reserves the stock, requests the payment, and ships or cancels. The server folds
          the read models from the same events.
        </p>
      </header>
      {error !== null && <p role="alert">{error}. The page tries again.</p>}
      {shop && <Panels shop={shop} />}
    </main>
  );
}

function Panels({ shop }: { readonly shop: Shop }) {
  const sales = shop.state.models.find(({ name }) => name === "sales");
  return (
    <>
      <Actions needsStock={isSoldOut(shop.stock)} />
      <section aria-label="Orders">
        <dl className="counts">
          {STATUSES.map((status) => (
            <div key={status} className={status}>
              <dt>{status}</dt>
              <dd>{(shop.state.orders[status] ?? 0).toLocaleString("en")}</dd>
            </div>
          ))}
        </dl>
        <ProcessLine shop={shop} />
      </section>
      <div className="columns">
        <section aria-label="Stock">
          <h2>Stock</h2>
          <Bars rows={stockBars(shop.stock)} />
        </section>
        <section aria-label="Sales">
          <h2>Sales</h2>
          {sales && <ModelLine model={sales} />}
          <Bars
            rows={shop.sales
              .map(({ key, row }) => ({
                key,
                value: row.cents,
                text: `${row.qty} for ${(row.cents / 100).toFixed(2)}`,
              }))
              .toSorted((left, right) => right.value - left.value)}
          />
        </section>
      </div>
    </>
  );
}

function Actions({ needsStock }: { readonly needsStock: boolean }) {
  const [next, setNext] = useState(() => Date.now() % 1_000_000_000);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    await work().catch((reason: unknown) => setProblem(reason instanceof Error ? reason.message : String(reason)));
    setBusy(false);
  };
  const place = async () => {
    const numbers = Array.from({ length: AT_ONCE }, (_, at) => next + at);
    setNext(next + AT_ONCE);
    await Promise.all(numbers.map((n) => post("/orders", { ...orderOf(n), commit: randomId() })));
  };
  return (
    <div className="actions">
      <button type="button" className={needsStock ? "" : "primary"} disabled={isBusy} onClick={() => void run(place)}>
        Place {AT_ONCE} orders
      </button>
      <button
        type="button"
        className={needsStock ? "primary" : ""}
        disabled={isBusy}
        onClick={() => void run(() => post("/stock/fill"))}
      >
        Receive stock
      </button>
      <button type="button" disabled={isBusy} onClick={() => void run(() => post("/sales/rebuild"))}>
        Rebuild sales da capo
      </button>
      {needsStock && <p className="hint">The shop has no stock, so it cancels each order. Receive stock first.</p>}
      {problem !== null && <span role="alert">{problem}</span>}
    </div>
  );
}

function ProcessLine({ shop: { state } }: { readonly shop: Shop }) {
  const { process, commands } = state;
  if (!process) return null;
  const next = commands.find(({ timer }) => timer !== null);
  return (
    <p className="hint">
      Fulfilment {process.state}: {process.behind} events behind, {process.commands} commands and timers wait
      {next && `, the next timer (${next.timer}) at ${new Date(next.due).toLocaleTimeString("en")}`}.
    </p>
  );
}

function ModelLine({ model: { phase, behind, parked, job } }: { readonly model: Model }) {
  const isWorking = job?.phase === "running" || job?.phase === "paused";
  return (
    <div role="status">
      <p className="hint">
        {phase}, {behind} events behind{parked > 0 && `, ${parked} events parked`}
      </p>
      {job && (
        <p className="hint">
          <progress max={Math.max(1, job.of)} value={job.done} aria-label="Progress of the job" />{" "}
          {isWorking
            ? `${job.done} of ${job.of} events${job.perSecond === null ? "" : `, ${Math.round(job.perSecond)} a second`}`
            : `last job: ${job.kind} ${job.phase}`}
        </p>
      )}
    </div>
  );
}

function Bars({ rows }: { readonly rows: readonly Bar[] }) {
  const most = Math.max(1, ...rows.map(({ value }) => value));
  return (
    <ul className="bars">
      {rows.slice(0, 40).map(({ key, value, text }) => (
        <li key={key}>
          <span>{key}</span>
          <span className="bar" style={{ width: `${(Math.max(0, value) / most) * 100}%` }} aria-hidden />
          <span className="number">{text}</span>
        </li>
      ))}
    </ul>
  );
}
