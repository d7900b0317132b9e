/** Titles for many cards, each different. */
const VERBS = ["Copy", "Order", "Tune", "Print", "Book", "Repair", "Clean", "Collect", "Return", "Check"];
const THINGS = [
  "the scores",
  "new strings",
  "the harpsichord",
  "the posters",
  "a hall",
  "the bows",
  "the music stands",
  "the tickets",
  "the lights",
  "the programme",
];
const FOR = [
  "the cellos",
  "the choir",
  "the second violins",
  "the brass",
  "the soloist",
  "the matinee",
  "the tour",
  "the rehearsal",
  "the school concert",
  "the gala",
];

/** The title with this number, such as “Copy the scores for the cellos 1”. */
export function sampleTitle(n: number): string {
  const [verb = "", thing = "", purpose = ""] = [
    VERBS[n % 10],
    THINGS[Math.floor(n / 10) % 10],
    FOR[Math.floor(n / 100) % 10],
  ];
  return `${verb} ${thing} for ${purpose} ${n + 1}`;
}
