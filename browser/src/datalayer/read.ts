import { fromGa4, isLeftOut } from "../events/names.ts";
import { list, object, type Params } from "../util/values.ts";
import { readStep } from "./ecommerce.ts";

/** What one entry of a data layer says. */
export interface Reading {
  /** Plain or hashed identity. */
  user?: unknown;
  /** The standard name of an event. */
  name?: string;
  /** In GA4's words. */
  params?: Params;
  /** In which of the data layer's languages it is said, and to whom. */
  dialect: string;
}

/** An `ecommerce` object without an event: a page may describe the products first and name the event later. */
let earlier: Params | undefined;

/** Reads an entry: an object as for a tag manager, or the arguments of a `gtag` call. */
export function readEntry(entry: unknown): Reading {
  const given = object(entry) || {};
  const name = given[1];
  const params = object(given[2]);
  if (given[0] === "set") return { dialect: "", user: name === "user_data" ? params : object(name)?.user_data };
  return given[0] === "event" ? readObject({ ...params, event: name }, "gtag ") : readObject(given, "");
}

function readObject(entry: Params, language: string): Reading {
  const user = entry.user_data;
  const own = object(entry.ecommerce);
  if ("ecommerce" in entry) earlier = undefined;
  if (isLeftOut(entry.event)) return { user, dialect: "" };

  const step = readStep(own || {});
  const name = fromGa4(entry.event) || step?.name;
  const ecommerce = own || earlier || {};
  if (name) earlier = undefined;
  else if (!step && !entry.event) earlier = own || earlier;
  // GA4's `ecommerce` wins over what stands beside it, and that over the older kind.
  const params = { ...step?.params, ...entry, ...ecommerce };
  params.currency = entry.currency || ecommerce.currency || ecommerce.currencyCode;
  return { user, name, params, dialect: language + !!step + list(entry.send_to) };
}
