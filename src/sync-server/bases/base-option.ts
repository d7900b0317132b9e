/** The option `base` of a server, and its defaults. */
import { refuseDefinition } from "../../core/values/refuse.ts";
import type { ModelStore } from "../stores/model-store.ts";

/** When a server makes bases, and how large one may be. */
export type BaseOptions = {
  /**
   * A log gets its first base, and each next one, after this many events. A base that is a day old is replaced too.
   *
   * @default 10_000
   */
  readonly everyEvents?: number;
  /**
   * A larger base is not kept, in bytes of text before compression. The server holds a base in memory while it makes
   * the next one, which takes several times these bytes. It makes one base at a time.
   *
   * @default 67_108_864 (64 MiB)
   */
  readonly bytesMax?: number;
};

const DEFAULTS: Required<BaseOptions> = { everyEvents: 10_000, bytesMax: 64 * 1024 * 1024 };

/** Checks the option. Null: the server makes no bases. */
export function baseOptions(
  base: boolean | BaseOptions | undefined,
  store: { readonly models?: ModelStore },
): Required<BaseOptions> | null {
  if (base === undefined || base === false) return null;
  const options = { ...DEFAULTS, ...(base === true ? {} : base) };
  for (const [name, value] of Object.entries(options))
    if (!Number.isSafeInteger(value) || value < 1)
      refuseDefinition(
        `The option base.${name} is not a whole number above 0`,
        `Write base: true, or a number such as base: { ${name}: 10_000 }.`,
      );
  if (!store.models)
    refuseDefinition(
      "The store of the server keeps no bases",
      "Use a store with the member `models`, such as sqlite() or memory(), or leave out the option `base`.",
    );
  return options;
}
