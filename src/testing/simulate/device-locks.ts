/**
 * Web Locks and broadcast channels of one device, as its tabs share them.
 *
 * It is not the tests' `FakeLocks`, because the seed's scheduler decides when each tab gets a lock, and tabs freeze and
 * die.
 *
 * Guarantees:
 * - A lock has one holder.
 * - A frozen tab keeps its lock, and is granted a lock that it waited for.
 * - The lock of a dead tab goes to the next tab in the queue.
 * - The holder of a stolen lock gets the error when it runs next.
 */
import type { TabChannel } from "../../client/env/env.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

type Request = { readonly owner: Owner; readonly grant: () => void; readonly refuse: (error: Error) => void };
type Lock = { holder: Request | null; queue: Request[] };
type LockOptions = { readonly steal: boolean; readonly signal: AbortSignal };

export class DeviceLocks {
  readonly #locks = new Map<string, Lock>();
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  request(owner: Owner, name: string, { steal, signal }: LockOptions, held: () => Promise<void>): Promise<void> {
    const lock = this.#locks.get(name) ?? { holder: null, queue: [] };
    this.#locks.set(name, lock);
    return new Promise((resolve, reject) => {
      const schedule = (label: string, run: () => void) =>
        this.#scheduler.later(owner, label, this.#scheduler.random.below(3), run);
      const request: Request = {
        owner,
        grant: () => {
          lock.holder = request;
          schedule("lock granted", () => {
            if (lock.holder !== request) return;
            held().then(() => {
              this.#release(lock, request);
              resolve();
            }, reject);
          });
        },
        refuse: (error) => void schedule(`lock ${error.message}`, () => reject(error)),
      };
      if (signal.aborted) return request.refuse(abortError("aborted"));
      signal.addEventListener("abort", () => {
        const at = lock.queue.indexOf(request);
        if (at < 0) return;
        lock.queue.splice(at, 1);
        request.refuse(abortError("aborted"));
      });
      if (steal) {
        lock.holder?.refuse(abortError("stolen"));
        request.grant();
      } else if (lock.holder) lock.queue.push(request);
      else request.grant();
    });
  }

  /** Releases the locks of a dead tab, as a browser does. */
  dropOwner(owner: Owner): void {
    for (const lock of this.#locks.values()) {
      lock.queue = lock.queue.filter((request) => request.owner !== owner);
      if (lock.holder?.owner === owner) this.#release(lock, lock.holder);
    }
  }

  #release(lock: Lock, request: Request): void {
    if (lock.holder !== request) return;
    lock.holder = null;
    lock.queue.shift()?.grant();
  }
}

function abortError(reason: string): DOMException {
  return new DOMException(reason, "AbortError");
}

type Listener = { readonly owner: Owner; readonly hear: (message: unknown) => void };

export class DeviceChannels {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #scheduler: Scheduler;
  /** The number of times that a message arrives: 0 if it is lost, 2 if it is doubled. */
  readonly #copies: () => number;

  constructor(scheduler: Scheduler, copies: () => number) {
    this.#scheduler = scheduler;
    this.#copies = copies;
  }

  open(owner: Owner, name: string): TabChannel {
    const listeners = this.#listeners.get(name) ?? new Set<Listener>();
    this.#listeners.set(name, listeners);
    let own: Listener | null = null;
    return {
      post: (message) => {
        const text = JSON.stringify(message);
        for (const listener of listeners) {
          if (listener === own) continue;
          for (let copy = this.#copies(); copy > 0; copy--) {
            this.#scheduler.later(listener.owner, "message of a tab", this.#scheduler.random.below(4), () => {
              if (listeners.has(listener)) listener.hear(JSON.parse(text));
            });
          }
        }
      },
      listen: (hear) => void listeners.add((own = { owner, hear })),
      close: () => void (own && listeners.delete(own)),
    };
  }

  dropOwner(owner: Owner): void {
    for (const listeners of this.#listeners.values())
      for (const listener of listeners) if (listener.owner === owner) listeners.delete(listener);
  }
}
