import { firstText } from "../util/text.ts";
import { list, object, type Params } from "../util/values.ts";
import { amount, round } from "./money.ts";

/** One product line, in the words of our endpoint; the pixels use the same. */
export interface Line {
  content_id?: string;
  content_name?: string;
  content_category?: string;
  brand?: string;
  /** Of one piece. */
  price?: number;
  quantity: number;
}

/** A body has room for this many. */
const MAX_LINES = 50;

/** What holds the product lines: the first list that is not empty. */
export function products(params: Params): unknown {
  const { contents, items, content_ids, content_id } = params;
  return [contents, items, content_ids].find((one) => one && list(one).length) || (content_id && params);
}

/** Reads product lines in GA4's, its predecessor's and our own words. A list of bare ids will do. */
export function readLines(items: unknown): Line[] {
  return list(items)
    .slice(0, MAX_LINES)
    .map(readLine)
    .filter((line) => line.content_id || line.content_name);
}

function readLine(item: unknown): Line {
  const it = object(item) || { id: item };
  return {
    content_id: firstText(it.content_id, it.item_id, it.id),
    content_name: firstText(it.content_name, it.item_name, it.name),
    content_category: firstText(it.content_category, it.item_category, it.category),
    brand: firstText(it.brand, it.item_brand),
    price: amount(it.price),
    quantity: amount(it.quantity) || 1,
  };
}

/** What the lines cost together; nothing when a price is missing, since the sum would be too small. */
export function total(lines: Line[]): number | undefined {
  const sum = lines.reduce((sum, { price, quantity }) => sum + (price as number) * quantity, 0);
  return lines.length && sum >= 0 ? round(sum) : undefined;
}
