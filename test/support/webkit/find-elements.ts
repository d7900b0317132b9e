/** Runs in the page: finds elements as Playwright's locators do, as far as the tests need it. */

/** A text to match: without `exact`, a part of it in any case. A regular expression is sent as its source. */
export type Match = { readonly text: string; readonly exact: boolean } | { readonly pattern: string };

export type Step =
  | { readonly css: string }
  | { readonly role: string; readonly name?: Match }
  | { readonly text: Match }
  | { readonly title: Match }
  | { readonly hasText: Match }
  | { readonly has: readonly Step[] }
  | { readonly and: readonly Step[] }
  | { readonly nth: number };

/** Uses nothing outside of itself, because only its own text reaches the page. */
export function findElements(steps: readonly Step[], from: ParentNode = document): Element[] {
  const clean = (text: string | null) => (text ?? "").replace(/\s+/g, " ").trim();
  const matches = (match: Match, text: string | null) => {
    const cleaned = clean(text);
    if ("pattern" in match) return new RegExp(match.pattern).test(cleaned);
    return match.exact ? cleaned === match.text : cleaned.toLowerCase().includes(match.text.toLowerCase());
  };
  const roles: Readonly<Record<string, string>> = {
    button: "button, summary",
    textbox: "input:not([type]), input[type=text], textarea",
    combobox: "select, input[list]",
    dialog: "dialog",
    heading: "h1, h2, h3, h4, h5, h6",
    list: "ul, ol",
    listitem: "li",
    region: "section[aria-label], section[aria-labelledby]",
    img: "img",
    slider: "input[type=range]",
    status: "output",
  };
  const nameOf = (element: Element): string => {
    const label = element.getAttribute("aria-label");
    if (label !== null) return label;
    const by = element.getAttribute("aria-labelledby");
    if (by !== null)
      return by
        .split(" ")
        .map((id) => document.getElementById(id)?.textContent)
        .join(" ");
    const labels = "labels" in element ? (element.labels as NodeListOf<HTMLElement> | null) : null;
    if (labels && labels.length > 0) return labels[0]?.textContent ?? "";
    return element.textContent || (element.getAttribute("placeholder") ?? element.getAttribute("title") ?? "");
  };
  const isShown = (element: Element) => element.checkVisibility({ visibilityProperty: true });
  const within = (scope: ParentNode, selector: string) => [...scope.querySelectorAll(selector)];
  const textMatches = (scope: ParentNode, match: Match) => {
    const self = scope instanceof Element ? [scope] : [];
    const all = [...self, ...within(scope, "*")].filter((one) => matches(match, one.textContent));
    // The innermost elements, because all elements around the text contain it as well.
    return all.filter((one) => !all.some((other) => other !== one && one.contains(other)));
  };

  let found: Element[] | null = null;
  const everywhere = (look: (scope: ParentNode) => Element[]) => [...new Set((found ?? [from]).flatMap(look))];
  for (const step of steps) {
    if ("css" in step) found = everywhere((scope) => within(scope, step.css));
    else if ("role" in step) {
      const { role, name } = step;
      const implicit = roles[role];
      const selector = `[role=${role}]${implicit ? `, :is(${implicit}):not([role])` : ""}`;
      found = everywhere((scope) => within(scope, selector)).filter(
        (one) => isShown(one) && (name === undefined || matches(name, nameOf(one))),
      );
    } else if ("text" in step) found = everywhere((scope) => textMatches(scope, step.text));
    else if ("title" in step)
      found = everywhere((scope) => within(scope, "[title]")).filter((one) =>
        matches(step.title, one.getAttribute("title")),
      );
    else {
      const now: Element[] = found ?? [];
      if ("hasText" in step) found = now.filter((one) => matches(step.hasText, one.textContent));
      else if ("has" in step) found = now.filter((one) => findElements(step.has, one).length > 0);
      else if ("and" in step) found = now.filter((one) => findElements(step.and).includes(one));
      else found = now.slice(step.nth).slice(0, 1);
    }
  }
  return found ?? [];
}
