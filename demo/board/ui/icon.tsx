/** The board's icons. Each is beside words or in a button with a label, so icons are hidden from screen readers. */
const PATHS = {
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  edit: "M3 13l.7-2.9L10.6 3.2a1 1 0 0 1 1.4 0l.8.8a1 1 0 0 1 0 1.4L5.9 12.3 3 13z",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  comment: "M3 4.5A1.5 1.5 0 0 1 4.5 3h7A1.5 1.5 0 0 1 13 4.5v5A1.5 1.5 0 0 1 11.5 11H7l-3 2.5V11A1.5 1.5 0 0 1 3 9.5z",
  text: "M3 4.5h10M3 8h10M3 11.5h6",
  archive: "M2.5 3.5h11v3h-11zM3.5 6.5v6h9v-6M6.5 9h3",
  left: "M10 3.5L5.5 8l4.5 4.5",
  right: "M6 3.5L10.5 8 6 12.5",
  waiting: "M8 4.5V8l2.3 1.6M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  undo: "M6 3.5L3 6.5l3 3M3 6.5h6.2a3.3 3.3 0 0 1 0 6.6H6.5",
  redo: "M10 3.5l3 3-3 3M13 6.5H6.8a3.3 3.3 0 0 0 0 6.6h2.7",
  alert: "M8 5v3.5M8 11h.01M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.4 3.4",
  play: "M5.5 3.8v8.4l6.4-4.2z",
} as const;

export function Icon({ name }: { readonly name: keyof typeof PATHS }) {
  return (
    <svg className={name === "more" ? "icon dots" : "icon"} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
