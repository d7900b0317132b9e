// A property that fails has seen the mutant. It need not search for the smallest example.
import fc from "fast-check";

fc.configureGlobal({ endOnFailure: true });
