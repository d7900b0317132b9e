/**
 * The board's domain: one module for the page's worker and the sync server.
 *
 * Raise `version` with each release that changes an imported module.
 */
import { defineDomain } from "dacapo";
import { card } from "./domain/card.ts";
import { column } from "./domain/column.ts";
import { cards, columnCounts, columns, comments } from "./domain/read-models.ts";

export const domain = defineDomain({
  version: 2,
  aggregates: [card, column],
  projections: [cards, columns, columnCounts, comments],
});
