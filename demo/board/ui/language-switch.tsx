import { addressIn, language } from "../words/language.ts";

/** A link to the same page in the other language. This browser remembers the choice. */
export function LanguageSwitch() {
  const [other, name] = language === "en" ? (["zh", "中文"] as const) : (["en", "English"] as const);
  return (
    <a className="language" href={addressIn(other, location.href)} hrefLang={other} lang={other}>
      {name}
    </a>
  );
}
