/** Errors of the files that a command reads or writes, in words. */
import { ValidationError } from "../../core/values/errors.ts";

const FIXES: Readonly<Record<string, string>> = {
  ENOENT: "Pass a path in a folder that exists.",
  ENOTDIR: "Pass a path in a folder that exists.",
  EISDIR: "Pass the path of a file, not of a folder.",
  EACCES: "Give this process the right to use the file and its folder.",
  EPERM: "Give this process the right to use the file and its folder.",
  EROFS: "Pass a path on a disk that this process may write to.",
  ENOSPC: "Free some space, or pass a path on another disk.",
  EDQUOT: "Free some space, or pass a path on another disk.",
  ENAMETOOLONG: "Pass a shorter name.",
};

/** An error of Node about a file as a known error. Any other error stays as it is. */
export function fileError(error: unknown, file: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const fix = FIXES[code];
  if (fix === undefined || !(error instanceof Error)) return error;
  return new ValidationError({ message: `${file} cannot be used: ${error.message}`, fix, cause: error });
}
