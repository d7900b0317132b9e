/** Events in the order of the log, of which a subscriber handles more and more. */

/** An event that the subscriber must handle. */
export type CountedEvent = {
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  readonly position: number;
};

export class OpenEvents {
  readonly all: CountedEvent[] = [];
  /** All events before this index are over. */
  #start = 0;

  add(event: CountedEvent): void {
    this.all.push(event);
  }

  /** The events up to the first one that fails `isBefore`, without those that are over. An event stays over. */
  open(isBefore: (event: CountedEvent) => boolean, isOver: (id: string) => boolean): readonly CountedEvent[] {
    const open: CountedEvent[] = [];
    for (let index = this.#start; index < this.all.length; index++) {
      const event = this.all[index];
      if (!event || !isBefore(event)) break;
      if (!isOver(event.id)) open.push(event);
      else if (index === this.#start) this.#start++;
    }
    return open;
  }
}
