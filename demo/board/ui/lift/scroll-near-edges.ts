/** Scrolls the board sideways, and a column up and down, while a held card is near an edge. */
const EDGE_PX = 56;
const STEP_PX_MAX = 14;

export function scrollNearEdges(board: HTMLElement, at: { readonly x: number; readonly y: number }): void {
  const box = board.getBoundingClientRect();
  board.scrollLeft += stepOf(at.x, box.left, box.right);
  const list = document.elementFromPoint(at.x, at.y)?.closest("[data-column]")?.querySelector(".cards");
  if (!list) return;
  const { top, bottom } = list.getBoundingClientRect();
  list.scrollTop += stepOf(at.y, top, bottom);
}

function stepOf(at: number, from: number, to: number): number {
  if (at < from + EDGE_PX) return -STEP_PX_MAX * Math.min(1, (from + EDGE_PX - at) / EDGE_PX);
  if (at > to - EDGE_PX) return STEP_PX_MAX * Math.min(1, (at - to + EDGE_PX) / EDGE_PX);
  return 0;
}
