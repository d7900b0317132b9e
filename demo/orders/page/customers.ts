/** Customers of the shop, as many as the page wants. */
import { randomId } from "dacapo/client";
import { type MadeOrder, orderOf } from "../order-of.ts";
import { post } from "./shop-state.ts";

/** Orders that wait for an answer. A browser has 6 connections to a server, and the page also reads the shop. */
const RUNNING_MAX = 4;

export class Customers {
  /** Two pages begin at two numbers. */
  #next = Date.now() % 1_000_000_000;
  #running = 0;

  async place(count: number): Promise<void> {
    let left = count;
    const customer = async () => {
      while (left-- > 0) await this.#order();
    };
    await Promise.all(Array.from({ length: RUNNING_MAX }, customer));
  }

  /** Places an order, unless many wait for an answer. A failed one is not tried again. */
  async perhapsPlace(): Promise<void> {
    if (this.#running < RUNNING_MAX) await this.#order().catch(() => {});
  }

  /** Orders one piece as one person. */
  async placeAs(customer: string, sku: string): Promise<void> {
    await this.#order({ customer, lines: [{ sku, qty: 1, price: 100 }] });
  }

  async #order(other: Partial<MadeOrder> = {}): Promise<void> {
    this.#running++;
    const made = orderOf(this.#next++);
    await post("/orders", { ...made, ...other, commit: randomId() }).finally(() => this.#running--);
  }
}
