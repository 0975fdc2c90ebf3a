import { object, type Params } from "../util/values.ts";

/**
 * Steps of GA4's predecessor, each an object in `ecommerce`. Its others, such as `remove` and `impressions`, are no
 * events of ours.
 */
const STEPS: Record<string, string> = {
  purchase: "Purchase",
  checkout: "InitiateCheckout",
  add: "AddToCart",
  detail: "ViewContent",
};

export interface Step {
  /** The standard name. Nothing when it is no event: checkout begins once, with step 1 or without any number. */
  name?: string;
  /** In GA4's words. */
  params: Params;
}

export function readStep(ecommerce: Params): Step | undefined {
  for (const kind in STEPS) {
    const step = object(ecommerce[kind]);
    if (!step) continue;
    const action = object(step.actionField) || {};
    const isLater = kind === "checkout" && (action.step ?? 1) != 1;
    const params = { items: step.products, transaction_id: action.id, value: action.revenue };
    return { name: isLater ? undefined : STEPS[kind], params };
  }
  return undefined;
}
