import { expect, test } from "vitest";
import { isRedirect, isWebPage } from "../../../../src/client/sync/sign-in-page.ts";

test("isRedirect: is true for a redirect of any kind, also for one that a browser hides", () => {
  const statuses = [200, 300, 301, 302, 304, 307, 308, 309, 401, 500];
  const found = statuses.filter((status) => isRedirect(new Response(null, { status })));
  expect(found).toEqual([301, 302, 307, 308]);
  expect(isRedirect(Object.defineProperty(new Response(null), "type", { value: "opaqueredirect" }))).toBe(true);
});

test("isWebPage: is true only for a successful answer that is HTML", () => {
  const page = (type: string | null, status = 200) =>
    isWebPage(new Response(null, { status, headers: type === null ? {} : { "content-type": type } }));
  expect([page("text/html"), page("Text/HTML; charset=utf-8")]).toEqual([true, true]);
  expect([page(null), page("application/json"), page("application/x; a=text/html"), page("text/html", 500)]).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
