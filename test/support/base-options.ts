/** The options of servers whose small logs have bases. */
export const BASE_OPTION = { everyEvents: 10 };
/** Pages are small, so that a new device meets more than one. */
export const BASE_LIMITS = { pageEventsMax: 5 };
