// A property that fails has seen the mutant, so it need not search for the smallest example. Half a second is enough,
// because a mutant that lives meets many properties.
import fc from "fast-check";

fc.configureGlobal({ endOnFailure: true, interruptAfterTimeLimit: 500 });
