/**
 * One-use tickets for sockets. A browser cannot send a header with a WebSocket, and a token must not appear in an
 * address.
 *
 * A device fetches a ticket with its token by `POST /logs/:log/tickets`. It spends the ticket within 30 seconds by
 * `GET /logs/:log/live?ticket=…`.
 *
 * Guarantees (P21):
 * - A ticket is sealed (AES-GCM), so its holder cannot read it, and only the server can create it.
 * - A ticket opens one log, once, within 30 seconds. Nodes that share `ticketSecret` accept each other's tickets. Each
 *   ticket then opens once on each node, or once in all if their store keeps the spent tickets.
 */
import type { Principal } from "./authorize.ts";
import { type Env, randomHex } from "../base/env.ts";
import { evictOldest } from "../base/evict-oldest.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { SpentTickets } from "../stores/between-nodes.ts";

export const TICKET_MS_MAX = 30_000;
/** Spent tickets that are remembered until they expire. The server refuses more sockets than that in half a minute. */
const SPENT_MAX = 50_000;
const IV_BYTES = 12;

export type Tickets = {
  readonly issue: (log: LogName, principal: Principal) => Promise<string>;
  /** Returns the principal of a ticket and does not spend it. Returns null for an invalid or expired ticket. */
  readonly check: (log: LogName, ticket: string) => Promise<Principal | null>;
  /**
   * Spends a ticket and returns its principal. Returns null for a ticket that is invalid, expired, spent or of another
   * log.
   */
  readonly spend: (log: LogName, ticket: string) => Promise<Principal | null>;
};

type Sealed = { readonly log: LogName; readonly principal: Principal; readonly until: number; readonly nonce: string };

/** `spent` is the memory of spent tickets. By default it is the memory of this process. */
export function createTickets(env: Env, secret: string | undefined, spent: SpentTickets = spentInMemory()): Tickets {
  const key = importKey(env, secret);
  const open = async (log: LogName, ticket: string): Promise<Sealed | null> => {
    const content = await unseal(await key, ticket);
    return content && content.log === log && content.until > env.now() ? content : null;
  };
  return {
    issue: async (log, principal) => {
      const content: Sealed = { log, principal, until: env.now() + TICKET_MS_MAX, nonce: randomHex(env, 12) };
      return seal(await key, env.randomBytes(IV_BYTES), JSON.stringify(content));
    },
    check: async (log, ticket) => (await open(log, ticket))?.principal ?? null,
    spend: async (log, ticket) => {
      const content = await open(log, ticket);
      return content && (await spent.spend(content.nonce, content.until, env.now())) ? content.principal : null;
    },
  };
}

function spentInMemory(): SpentTickets {
  const spent = new Map<string, number>();
  return {
    spend: async (nonce, until, now) => {
      // The map is in the order of spending, so an expired ticket may stay until the ones before it expire: at most 30
      // seconds.
      evictOldest(spent, (other) => other <= now);
      if (spent.has(nonce) || spent.size >= SPENT_MAX) return false;
      spent.set(nonce, until);
      return true;
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
    // The cast is safe, because only a server with this key can have sealed the text.
    return parseOwnJson<Sealed>(new TextDecoder().decode(opened));
  } catch {
    return null;
  }
}

// WebCrypto's types need an ArrayBuffer, and a Uint8Array may have another kind of buffer.
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
