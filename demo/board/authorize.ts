/** DEMO ONLY: it trusts every name. In your own app, check a session or a signed token here. */
import type { Authorize } from "dacapo/sync-server";

const NAME_LENGTH_MAX = 64;

export const believeTheName: Authorize = (request) => {
  const [, written] =
    /^Bearer demo:([A-Za-z0-9._~!*'()%-]{1,600})$/.exec(request.headers.get("authorization") ?? "") ?? [];
  const name = decoded(written ?? "");
  return name.length > 0 && name.length <= NAME_LENGTH_MAX ? { actor: name } : null;
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).trim();
  } catch {
    return "";
  }
}
