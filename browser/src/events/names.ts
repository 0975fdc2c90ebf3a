/** GA4 writes these in snake case: AddToCart is add_to_cart. */
const SAME_IN_GA4 =
  "AddPaymentInfo AddToCart AddToWishlist Contact CustomizeProduct FindLocation Purchase " +
  "Schedule Search StartTrial SubmitApplication Subscribe";

/** Pairs of another name and the standard one. Those in lower case are GA4's. */
const OTHERS =
  "begin_checkout InitiateCheckout file_download Download generate_lead Lead page_view Pageview " +
  "sign_up CompleteRegistration view_item ViewContent " +
  "ApplicationApproval ApplicationApproval ClickButton ClickButton PlaceAnOrder PlaceAnOrder " +
  "CompletePayment Purchase SubmitForm Lead";

/** GA4 events that no ad platform has a use for. */
const LEFT_OUT = RegExp(
  "^(view_(item_list|cart|promotion)|select_(item|promotion)|remove_from_cart|add_shipping_info|refund|" +
    "user_engagement|scroll|session_start|first_visit)$",
);

const ga4 = new Map<unknown, string>();
/** Every name in lower case. */
const known = new Map<string, string>();

function add(name: string, standard: string): string {
  const lower = name.toLowerCase();
  if (name === lower) ga4.set(name, standard);
  known.set(lower, standard).set(standard.toLowerCase(), standard);
  return name;
}

SAME_IN_GA4.replace(/\w+/g, (name) => add(name.replace(/\B[A-Z]/g, "_$&").toLowerCase(), name));
OTHERS.replace(/(\w+) (\w+)/g, (_, name, standard) => add(name, standard));

/** The standard name of a GA4 event; nothing for events without one and for names GA4 does not have. */
export function fromGa4(name: unknown): string | undefined {
  return ga4.get(name);
}

/** A GA4 event that is not sent. */
export function isLeftOut(name: unknown): boolean {
  return LEFT_OUT.test(name as string);
}

/** The name under which an event of the page's own code is sent; nothing if it is not sent. */
export function resolveName(name: unknown): string | undefined {
  if (typeof name !== "string" || isLeftOut(name)) return undefined;
  return known.get(name.toLowerCase()) || (/^[a-z][\w-]{0,49}$/i.test(name) ? name : undefined);
}
