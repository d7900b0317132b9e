/** The option `base` of a server, and its defaults. */
import { requireKnownOptions } from "../../core/values/known-options.ts";
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
   * A larger base is not kept, in bytes of text before compression, and `onError` gets a report. The server holds a
   * base in memory while it makes the next one, which takes several times these bytes. It makes one base at a time.
   *
   * @default 67_108_864 (64 MiB). In a Durable Object 4_194_304 (4 MiB), and at most twice that.
   */
  readonly bytesMax?: number;
};

const MIB = 1024 * 1024;
const DEFAULTS: Required<BaseOptions> = { everyEvents: 10_000, bytesMax: 64 * MIB };
/** An object has 128 MB of memory for everything, and a build takes about ten times the bytes of its base. */
const OBJECT_BYTES = { usual: 4 * MIB, most: 8 * MIB };

/** Checks the option. Null: the server makes no bases. */
export function baseOptions(
  base: boolean | BaseOptions | undefined,
  store: { readonly models?: ModelStore },
): Required<BaseOptions> | null {
  const options = checkedBase(base, DEFAULTS);
  if (options && !store.models)
    refuseDefinition(
      "The store of the server keeps no bases",
      "Use a store with the member `models`, such as sqlite() or memory(), or leave out the option `base`.",
    );
  return options;
}

/** Checks the option for Durable Objects, whose bases must be smaller. */
export function objectBaseOptions(base: boolean | BaseOptions | undefined): false | Required<BaseOptions> {
  const options = checkedBase(base, { ...DEFAULTS, bytesMax: OBJECT_BYTES.usual });
  if (options && options.bytesMax > OBJECT_BYTES.most)
    refuseDefinition(
      `The option base.bytesMax is ${options.bytesMax}, and an object allows at most ${OBJECT_BYTES.most}`,
      "Pass a smaller number. A log with more rows needs a server on Node for its bases.",
    );
  return options ?? false;
}

function checkedBase(
  base: boolean | BaseOptions | undefined,
  defaults: Required<BaseOptions>,
): Required<BaseOptions> | null {
  if (base === undefined || base === false) return null;
  const given = base === true ? {} : base;
  requireKnownOptions("The option `base`", given, defaults);
  const options = { ...defaults, ...given };
  for (const [name, value] of Object.entries(options))
    if (!Number.isSafeInteger(value) || value < 1)
      refuseDefinition(
        `The option base.${name} is not a whole number above 0`,
        `Write base: true, or a number such as base: { ${name}: 10_000 }.`,
      );
  return options;
}
