/** The logs and the followers of the simulated servers. */
export const LOG = "log";
/** The other log into which the subscriber writes. */
export const OTHER_LOG = "other";
export const MAILER = "mailer";
export const FLOW = "flow";
export const ECHO = "echo";
