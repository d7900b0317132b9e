// A property that fails has seen the mutant, so it need not search for the smallest example. One second is
// enough, because a mutant that lives meets many properties.
import fc from "fast-check";

fc.configureGlobal({ endOnFailure: true, interruptAfterTimeLimit: 1_000 });
