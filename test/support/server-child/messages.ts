/** The messages between the test server's process and its parent. */

/** A SQLite file, or a schema of a Postgres database. */
export type StoreAddress = { readonly file: string } | { readonly url: string; readonly schema: string };

export type ServeRequest = {
  readonly do: "serve";
  readonly store: StoreAddress;
  readonly port: number;
  /** Any of the server's limits. */
  readonly limits?: Readonly<Record<string, unknown>>;
  /** True: the server keeps the rows of all projections of its domain. */
  readonly hasModels?: boolean;
  /** True: the server has the domain of orders and its SQL model, instead of the board. */
  readonly hasOrders?: boolean;
};

export type ParentMessage =
  ServeRequest | { readonly do: "report"; /** Collect garbage first. */ readonly gc: boolean };

export type ServerReport = {
  readonly is: "report";
  /** Bytes. `used` is the heap and the external memory of its objects. */
  readonly memory: { readonly used: number; readonly rss: number };
  /** Number of errors that `onError` received. `firstFailures` are the first of them. */
  readonly failures: number;
  readonly firstFailures: readonly string[];
  /** Uncaught errors. Any other process would have ended. */
  readonly uncaught: readonly string[];
  /** Names of the properties of the prototypes that plain values have. */
  readonly prototypes: string;
  /** Open TCP connections. */
  readonly connections: number;
  /** Milliseconds of processor time since the process began. */
  readonly cpuMs: number;
  /** Delay of its event loop at the 99th percentile since the last report, in milliseconds. */
  readonly loopDelayP99Ms: number;
};

export type ChildMessage = { readonly is: "ready" } | { readonly is: "listening"; readonly url: string } | ServerReport;
