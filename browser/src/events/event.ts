import type { Page } from "../page.ts";
import { settings } from "../settings.ts";
import { bytes, firstText, isPersonalName, text, toJson } from "../util/text.ts";
import { list, type Params } from "../util/values.ts";
import { products, readLines, total, type Line } from "./contents.ts";
import { purchaseId, randomText } from "./ids.ts";
import { amount } from "./money.ts";

export const PURCHASE = "Purchase";

/** An event as it is stored and posted. */
export interface TandemEvent {
  event_name: string;
  event_id: string;
  /** The page's clock, ms. */
  at: number;
  page: Page;
  value?: number;
  currency?: string;
  content_type?: string;
  contents?: Line[];
  order_id?: string;
  search_string?: string;
  properties?: Properties;
}

type Properties = Record<string, string | number | boolean>;

/** With the rest of a body it has to be less than what browsers let outlive a page. */
const MAX_BYTES = 40_000;

/** People search for phone numbers. */
const PHONE_DIGITS = /^[\s\-./()]*(\d[\s\-./()]*){9,15}$/;

/** What the page's own code says of an event beside its fields. */
export interface Own {
  /** Wins over the id we would make. */
  event_id?: unknown;
}

/**
 * Makes an event of a standard name or one of the page's own. Unknown fields are passed on when the page's own code
 * chose them; in a data layer anything may lie around.
 */
export function makeEvent(name: string, params: Params, page: Page, own?: Own): TandemEvent {
  const {
    value,
    currency,
    contents,
    items,
    content_ids,
    content_id,
    content_type,
    order_id,
    transaction_id,
    search_string,
    search_term,
    query,
    event_id,
    ...others
  } = params;
  const all = products(params);
  const lines = readLines(all);
  // A sum of some of them would be too small.
  const sum = lines.length === list(all).length ? total(lines) : undefined;
  const worth = amount(value) ?? sum;
  const order = firstText(order_id, transaction_id);
  const isOrder = name === PURCHASE && order;
  // What is no currency goes on as it is: the site's own instead would make another amount of it.
  const unit = firstText(currency, worth === undefined || settings.currency);
  const search = firstText(search_string, search_term, query);
  const event = {
    event_name: name,
    event_id: (own && text(own.event_id)) || (isOrder ? purchaseId(settings.purchase_event_id, order) : randomText(24)),
    at: Date.now(),
    page,
    value: worth,
    currency: unit?.toUpperCase(),
    ...(lines.length && { content_type: content_type === "product_group" ? content_type : "product", contents: lines }),
    order_id: order,
    search_string: search && PHONE_DIGITS.test(search) ? undefined : search,
    properties: own && readProperties(others),
  };
  while (lines.length && bytes(toJson(event)) > MAX_BYTES) lines.pop();
  return event;
}

const MAX_PROPERTIES = 20;

function readProperties(others: Params): Properties {
  const found: Properties = {};
  for (const name of Object.keys(others).slice(0, MAX_PROPERTIES)) {
    const value = others[name];
    const scalar = typeof value === "boolean" || Number.isFinite(value) ? (value as number) : text(value, 300);
    if (scalar !== undefined && /^[a-z][\w.-]{0,49}$/i.test(name) && !isPersonalName(name)) found[name] = scalar;
  }
  return found;
}
