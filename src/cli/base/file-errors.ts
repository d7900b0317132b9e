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
  EFBIG: "Pass a path on a disk that allows files of this size, or pass --part-mb.",
  ENAMETOOLONG: "Pass a shorter name.",
};

const OTHER_FIX = "Check the path and its disk, and run the command again.";

/** An error of the system about a file as a known error. Any other error stays as it is. */
export function fileError(error: unknown, file: string): unknown {
  if (!(error instanceof Error && "syscall" in error && "code" in error)) return error;
  const fix = FIXES[String(error.code)] ?? OTHER_FIX;
  return new ValidationError({ message: `${file} cannot be used: ${error.message}`, fix, cause: error });
}
