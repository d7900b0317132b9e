/** The text of a row, and the refusal of a row that has none. */
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { findUnstorable } from "../../core/values/find-unstorable.ts";
import type { Json } from "../../core/values/json.ts";
import { describePlace } from "../../core/values/parsed.ts";
import { ROW_BYTES_MAX } from "../stores/model-store.ts";

/** Returns the text of a row for storage. Throws, so that its event is parked, if the store cannot keep the row. */
export function rowText(model: string, key: string, row: Json): string {
  // A Date or a Map would stay what it is up to the end of the page, and then be another value.
  const problem = findUnstorable(row);
  if (problem)
    throw new Error(`The row ${key} of ${model} is not JSON${describePlace(problem.path)}: ${problem.reason}`);
  const text = JSON.stringify(row);
  if (exceedsBytes(text, ROW_BYTES_MAX))
    throw new Error(`The row ${key} of ${model} has more than ${ROW_BYTES_MAX} bytes of JSON`);
  return text;
}
