// Web Locks of a browser, for any number of tabs: shared and exclusive locks, a queue, abort and steal.

type Request = {
  readonly name: string;
  readonly mode: LockMode;
  readonly start: () => void;
  readonly refuse: (reason: string) => void;
};

export class FakeLocks {
  readonly #held = new Set<Request>();
  #queue: Request[] = [];
  /** Requests wait for this promise before they are granted. */
  granting: Promise<void> = Promise.resolve();
  /** Queries read the held locks at once, and wait for this promise before they return. */
  answering: Promise<void> = Promise.resolve();

  readonly manager: Pick<LockManager, "request" | "query"> = {
    request: async <T>(
      name: string,
      ...rest: readonly [LockGrantedCallback<T>] | readonly [LockOptions, LockGrantedCallback<T>]
    ) => {
      const callback = rest.at(-1);
      if (typeof callback !== "function") throw new TypeError("No callback");
      await this.granting;
      return await this.#request(name, isOptions(rest[0]) ? rest[0] : {}, async (lock: Lock) => callback(lock));
    },
    query: async () => {
      const held = [...this.#held].map(({ name, mode }) => ({ name, mode }));
      await this.answering;
      return { held, pending: [] };
    },
  };

  get names(): readonly string[] {
    return [...this.#held].map(({ name }) => name);
  }

  /** Takes all locks away, as a browser does when another tab steals them. */
  stealAll(): void {
    for (const request of this.#held) request.refuse("The lock was stolen");
  }

  #request<T>(
    name: string,
    { mode = "exclusive", steal = false, signal }: LockOptions,
    run: (lock: Lock) => Promise<T>,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const request: Request = {
        name,
        mode,
        start: () => {
          this.#held.add(request);
          run({ name, mode })
            .then(resolve, reject)
            .finally(() => this.#release(request));
        },
        refuse: (reason) => {
          reject(new DOMException(reason, "AbortError"));
          this.#release(request);
        },
      };
      if (signal?.aborted) return request.refuse("The request was aborted");
      signal?.addEventListener("abort", () => {
        if (this.#queue.includes(request)) request.refuse("The request was aborted");
      });
      if (steal) {
        const holders = [...this.#held].filter((other) => other.name === name);
        // Start first, otherwise the release of a holder would grant the lock to a queued request.
        request.start();
        for (const holder of holders) holder.refuse("The lock was stolen");
      } else {
        this.#queue.push(request);
        this.#grant();
      }
    });
  }

  #release(request: Request): void {
    this.#held.delete(request);
    this.#queue = this.#queue.filter((other) => other !== request);
    this.#grant();
  }

  /** Starts each request that conflicts with no held lock and with no earlier request. */
  #grant(): void {
    const earlier: Request[] = [];
    for (const request of this.#queue.splice(0)) {
      const conflicts = (other: Request) =>
        other.name === request.name && (other.mode === "exclusive" || request.mode === "exclusive");
      if ([...this.#held, ...earlier].some(conflicts)) earlier.push(request);
      else request.start();
    }
    this.#queue = earlier;
  }
}

function isOptions(value: unknown): value is LockOptions {
  return typeof value === "object";
}
