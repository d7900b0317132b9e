/** What the test server in a process of its own and its parent say to each other. */
export type ServeRequest = {
  readonly do: "serve";
  readonly file: string;
  readonly port: number;
  /** Any of the server's limits. */
  readonly limits?: Readonly<Record<string, unknown>>;
};

export type ParentMessage =
  ServeRequest | { readonly do: "report"; /** Collect garbage first. */ readonly gc: boolean };

export type ServerReport = {
  readonly is: "report";
  /** Bytes. `used` is the heap and what hangs on it outside. */
  readonly memory: { readonly used: number; readonly rss: number };
  /** Failures that the server told its operator of, and the first few of them. */
  readonly failures: number;
  readonly firstFailures: readonly string[];
  /** Errors that nobody caught. Any other process would have ended. */
  readonly uncaught: readonly string[];
  /** Names of the properties of the prototypes that plain values have. */
  readonly prototypes: string;
  /** Open TCP connections. */
  readonly connections: number;
  /** Milliseconds of processor time since the process began. */
  readonly cpuMs: number;
  /** Milliseconds by which its event loop was late at the 99th percentile, since the last report. */
  readonly loopDelayP99Ms: number;
};

export type ChildMessage = { readonly is: "ready" } | { readonly is: "listening"; readonly url: string } | ServerReport;
