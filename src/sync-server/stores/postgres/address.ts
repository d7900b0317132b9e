/** The address of a Postgres database. `?schema=` is an option of Dacapo, which the driver does not know. */
export type PostgresAddress = { readonly url: string; readonly schema?: string };

export function splitAddress(text: string): PostgresAddress {
  const url = URL.parse(text);
  const schema = url?.searchParams.get("schema") ?? null;
  // Other URLs stay as they are, because the driver reads more forms than URL.
  if (!url || schema === null) return { url: text };
  url.searchParams.delete("schema");
  return { url: url.href, schema };
}
