// A property that fails has seen the mutant, so it need not search for the smallest example. Five seconds are
// enough, because a mutant that lives meets many properties.
import fc from "fast-check";

fc.configureGlobal({ endOnFailure: true, interruptAfterTimeLimit: 5_000 });
