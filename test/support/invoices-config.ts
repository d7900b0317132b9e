/** The config of an operator for the log of orders, with a SQL model. */
import { invoices, ordersDomain as domain } from "./invoices-domain.ts";

const models = [invoices];
export { domain, models };
