/**
 * SHA-256 in the thread of the caller. The real one answers from another thread, at a moment that no seed decides.
 *
 * Guarantees: the result is that of the real one.
 */
import { hash } from "node:crypto";

type Digest = SubtleCrypto["digest"];

/** Replaces `crypto.subtle.digest`. Returns a function that undoes it. */
export function replaceDigest(digest: Digest): () => void {
  const before = Object.getOwnPropertyDescriptor(crypto.subtle, "digest");
  Object.defineProperty(crypto.subtle, "digest", { value: digest, configurable: true });
  return () => {
    if (before) Object.defineProperty(crypto.subtle, "digest", before);
    else Reflect.deleteProperty(crypto.subtle, "digest");
  };
}

export const digestHere: Digest = async (_, data) => {
  const bytes =
    data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Uint8Array.from(hash("sha256", bytes, "buffer")).buffer;
};
