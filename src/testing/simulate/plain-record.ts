/** Records as the history checker reads them, and the equality of plain values. */

/** A record, in the form that the checker reads. */
export type PlainRecord = {
  readonly position: number;
  readonly mark: string;
  readonly commit: string;
  readonly client: string;
  readonly actor: string;
  readonly time: number;
  readonly received: number;
  readonly meta: { readonly ask?: number; readonly of?: string } | null;
  readonly events: readonly {
    readonly type: string;
    readonly v: number;
    readonly stream: string;
    readonly version: number;
    readonly data: unknown;
  }[];
};

/** JSON with sorted keys, so that equal values are equal texts. */
export function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((inner) => (inner === undefined ? "null" : canonical(inner))).join()}]`;
  const parts: string[] = [];
  for (const [key, inner] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (inner !== undefined) parts.push(`${JSON.stringify(key)}:${canonical(inner)}`);
  return `{${parts.join()}}`;
}
