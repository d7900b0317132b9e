/** The answers of a gateway between device and server that wants a person to sign in. */
import { UnauthorizedError } from "../../core/values/errors.ts";

/**
 * `details.code` is `sign-in-page`. Unlike the server's own `unauthorized` it may end without the app, because the
 * person may sign in on another page. So the loop shows it and continues to try.
 */
export class SignInPageError extends UnauthorizedError {
  constructor(status: number, cause?: unknown) {
    super({
      message: `Something in front of the sync server answered with a web page, a redirect or status ${status}`,
      fix: "Sign in to the gateway, or check the address of the sync server. Work is kept here, and is sent then.",
      details: { code: "sign-in-page", status },
      cause,
    });
  }
}

/** Browsers hide a redirect that is not followed behind the status 0. */
export function isRedirect({ type, status }: Response): boolean {
  return type === "opaqueredirect" || (status >= 301 && status <= 308 && status !== 304);
}

/** True for a successful answer that is a page for people. The sync server sends JSON only. */
export function isWebPage({ ok, headers }: Response): boolean {
  return ok && /^text\/html/i.test(headers.get("content-type") ?? "");
}
