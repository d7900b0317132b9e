/** Values in an order that `compare` decides. No two values are equal in it. Pure. */
export class SortedList<Value> {
  readonly #compare: (left: Value, right: Value) => number;
  readonly #values: Value[] = [];

  constructor(compare: (left: Value, right: Value) => number) {
    this.#compare = compare;
  }

  get first(): Value | undefined {
    return this.#values[0];
  }

  add(value: Value): void {
    this.#values.splice(this.#indexOf(value), 0, value);
  }

  /** Returns false if the list does not contain the value. */
  remove(value: Value): boolean {
    const index = this.#indexOf(value);
    if (this.#values[index] !== value) return false;
    this.#values.splice(index, 1);
    return true;
  }

  /** The index of the first value that is not before this one. */
  #indexOf(value: Value): number {
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#values[middle];
      if (other !== undefined && this.#compare(other, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
