/** The stock of each product. */
import { Bars } from "./bars.tsx";
import { count, number } from "./say.ts";
import type { Shop } from "./shop-state.ts";
import { piecesLeft, stockBars } from "./stock-bars.ts";

export function StockSection({ stock }: Pick<Shop, "stock">) {
  const soldOut = stock.filter(({ row }) => row.left <= 0).length;
  return (
    <section aria-labelledby="stock">
      <div className="section-head">
        <h2 id="stock">Stock</h2>
        {stock.length > 0 && <strong className="total">{count(piecesLeft(stock), "piece")}</strong>}
      </div>
      {stock.length === 0 ? (
        <p className="hint">The shelves are empty. “Receive stock” brings 25 pieces of each product.</p>
      ) : (
        <>
          <p className="hint">
            {count(stock.length, "product")}
            {soldOut > 0 && `, ${number(soldOut)} sold out`}. The rows are checked in the same write as an order, so the
            shop never sells more than it has.
          </p>
          <Bars rows={stockBars(stock)} className="bars shelves" />
        </>
      )}
    </section>
  );
}
