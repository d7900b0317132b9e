/**
 * Tickets for sockets: a browser cannot send a header with a WebSocket, and a token has no place in an address.
 *
 * Place: fetched with the token by `POST /logs/:log/tickets`, spent once within a minute by `GET /logs/:log/live?ticket=…`.
 * Holds: a ticket is sealed (AES-GCM), so it tells nobody who holds it and cannot be made elsewhere; it opens one log, once, for
 * a short time. Nodes that share `ticketSecret` accept each other's; each ticket then opens once on each node.
 */
import type { Principal } from "./authorize.ts";
import { type Env, randomHex } from "../base/env.ts";

export const TICKET_MS_MAX = 30_000;
/** Tickets spent within their time that are remembered; more sockets than that in half a minute are refused. */
const SPENT_MAX = 50_000;
const IV_BYTES = 12;

export type Tickets = {
  readonly issue: (log: string, principal: Principal) => Promise<string>;
  /** Whose ticket this is, or null where it opens nothing. A ticket is spent by asking. */
  readonly spend: (log: string, ticket: string) => Promise<Principal | null>;
};

type Sealed = { readonly log: string; readonly principal: Principal; readonly until: number; readonly nonce: string };

export function createTickets(env: Env, secret: string | undefined): Tickets {
  const key = importKey(env, secret);
  const spent = new Map<string, number>();
  const forgetExpired = (now: number): void => {
    // In the order in which they were spent: those that expired are in front, give or take the time of a ticket.
    for (const [nonce, until] of spent) {
      if (until > now) break;
      spent.delete(nonce);
    }
  };
  return {
    issue: async (log, principal) => {
      const content: Sealed = { log, principal, until: env.now() + TICKET_MS_MAX, nonce: randomHex(env, 12) };
      return seal(await key, env.randomBytes(IV_BYTES), JSON.stringify(content));
    },
    spend: async (log, ticket) => {
      const content = await unseal(await key, ticket);
      const now = env.now();
      forgetExpired(now);
      if (
        !content ||
        content.log !== log ||
        content.until <= now ||
        spent.has(content.nonce) ||
        spent.size >= SPENT_MAX
      )
        return null;
      spent.set(content.nonce, content.until);
      return content.principal;
    },
  };
}

async function importKey(env: Env, secret: string | undefined): Promise<CryptoKey> {
  const bytes =
    secret === undefined
      ? bufferOf(env.randomBytes(32))
      : await crypto.subtle.digest("SHA-256", bufferOf(new TextEncoder().encode(`dacapo ticket ${secret}`)));
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

async function seal(key: CryptoKey, iv: Uint8Array, text: string): Promise<string> {
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: bufferOf(iv) },
    key,
    bufferOf(new TextEncoder().encode(text)),
  );
  return toBase64Url(new Uint8Array([...iv, ...new Uint8Array(sealed)]));
}

async function unseal(key: CryptoKey, ticket: string): Promise<Sealed | null> {
  try {
    const bytes = fromBase64Url(ticket);
    const opened = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: bytes.slice(0, IV_BYTES) },
      key,
      bytes.slice(IV_BYTES),
    );
    // Only this server, or one with its secret, can have sealed it.
    return JSON.parse(new TextDecoder().decode(opened)) as Sealed;
  } catch {
    return null;
  }
}

// WebCrypto's types ask for a buffer of one's own, which a Uint8Array of any origin may not have.
function bufferOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
