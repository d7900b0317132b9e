/** The sales of the last day by product, and of each day before. */
import { Bars } from "./bars.tsx";
import { salesDays } from "./sales-days.ts";
import { dayOf, money, number } from "./say.ts";
import type { Model, Shop } from "./shop-state.ts";

const PRODUCTS = 10;
const DAYS = 5;

export function SalesSection({ sales, phase }: Pick<Shop, "sales"> & Pick<Model, "phase">) {
  const { day, products, total, before } = salesDays(sales);
  return (
    <section aria-labelledby="sales">
      <div className="section-head">
        <h2 id="sales">Sales</h2>
        {day !== null && <strong className="total">{money(total.cents)}</strong>}
      </div>
      {day === null ? (
        <p className="hint">
          {phase === "building"
            ? "The rows are being built for the first time."
            : "Nothing is sold yet. A paid order counts here."}
        </p>
      ) : (
        <>
          <p className="hint">
            {dayOf(day)}
            {products.length > PRODUCTS ? `: the ${PRODUCTS} of ${products.length} products that sell best` : ""}
          </p>
          <Bars
            rows={products.slice(0, PRODUCTS).map(({ name, qty, cents }) => ({
              key: name,
              value: cents,
              text: `${number(qty)} for ${money(cents)}`,
            }))}
          />
          {before.length > 0 && (
            <>
              <h3>Days before</h3>
              <Bars
                className="bars days"
                rows={before.slice(0, DAYS).map(({ name, qty, cents }) => ({
                  key: dayOf(name),
                  value: cents,
                  text: `${number(qty)} for ${money(cents)}`,
                }))}
              />
            </>
          )}
        </>
      )}
    </section>
  );
}
