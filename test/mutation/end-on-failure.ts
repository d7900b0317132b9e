// A property that fails has seen the mutant, so it need not search for the smallest example. Fifty values and five
// seconds are enough, because a mutant that lives meets many properties. With fewer values, only more mutants live.
import fc from "fast-check";

fc.configureGlobal({ numRuns: 50, endOnFailure: true, interruptAfterTimeLimit: 5_000 });
