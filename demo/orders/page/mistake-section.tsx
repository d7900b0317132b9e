/** A story in three steps: a release with a mistake, an event that it cannot fold, and the release that repairs it. */
import { useState } from "react";
import type { Customers } from "./customers.ts";
import { count } from "./say.ts";
import { post, type Shop } from "./shop-state.ts";
import { stockBars } from "./stock-bars.ts";
import { Problem, useWork, WorkButton } from "./use-work.tsx";

type MistakeSectionProps = { readonly shop: Shop; readonly customers: Customers };

export function MistakeSection({ shop, customers }: MistakeSectionProps) {
  const { release, parked } = shop.state;
  const work = useWork();
  const [isTold, setTold] = useState(false);
  const isMistaken = release === "mistaken";
  const job = shop.state.models.find(({ name }) => name === "sales")?.job;
  const isRepairing = !isMistaken && job?.kind === "build" && (job.phase === "running" || job.phase === "paused");
  const next = parked.length > 0 ? 3 : isMistaken ? 2 : 1;
  const orderAsZoe = async () => {
    const sku = stockBars(shop.stock).find(({ value }) => value > 0)?.key;
    if (sku === undefined) await post("/stock/fill");
    await customers.placeAs("Zoë", sku ?? "sku-1");
  };
  const repair = async () => {
    // A job of the release with the mistake has parked the event already.
    await post("/sales/cancel");
    await post("/release", { sales: "right" });
    await post("/sales/rebuild");
    setTold(true);
  };
  const steps = [
    {
      text: "Release a mistake: sales cannot fold the orders of Zoë.",
      button: "Release it",
      isOff: isMistaken,
      onRun: async () => {
        await post("/release", { sales: "mistaken" });
        setTold(false);
      },
    },
    {
      text: "Order as Zoë. Her order ships, and the sales park its event.",
      button: "Order as Zoë",
      isOff: !isMistaken,
      onRun: orderAsZoe,
    },
    {
      text: "Release the fix and rebuild. Then the event is in the sales.",
      button: "Repair",
      isOff: isRepairing || (!isMistaken && parked.length === 0),
      onRun: repair,
    },
  ];
  return (
    <section aria-labelledby="mistake">
      <h2 id="mistake">What if a release has a mistake?</h2>
      <p className="hint">An event that a model cannot fold is parked. Everything else continues.</p>
      <ol className="story">
        {steps.map(({ text, button, isOff, onRun }, at) => (
          <li key={button} className={next === at + 1 ? "next" : ""}>
            <span>{text}</span>
            <WorkButton work={work} isOff={isOff} isPrimary={next === at + 1 && next > 1} onRun={onRun}>
              {button}
            </WorkButton>
          </li>
        ))}
      </ol>
      <Problem of={work} />
      <p role="status">
        {parked.length > 0
          ? `${count(parked.length, "event")} parked. The orders are not held up:`
          : isTold && "Repaired. The sales contain the orders of Zoë."}
      </p>
      <ul className="parked">
        {parked.slice(0, 3).map(({ event, stream, position, reason }) => (
          <li key={event}>
            <code>{stream}</code> at position {position}: {reason}
          </li>
        ))}
      </ul>
    </section>
  );
}
