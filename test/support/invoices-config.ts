/** The config of an operator for the log of orders, with a SQL model. */
import { invoices, ordersDomain } from "./invoices-domain.ts";

export default { domain: ordersDomain, models: [invoices] };
