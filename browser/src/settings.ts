/** What the gateway tells the script about its site. */
export interface Settings {
  /** Name of the visitor cookie. Only the server sets it. */
  cookie: string;
  /** The destinations; at least one. Before one of them is allowed, nothing is stored, sent or loaded. */
  lanes: Lane[];
  /** What Global Privacy Control means: no advertising, the same where silence counts as a yes, or limited data use. */
  gpc?: "deny" | "deny_in_opt_out_regions" | "limit";
  /** What a consent tool presets counts like a choice. */
  accept_defaults?: boolean;
  /** Events of visitors who refuse are sent without anything that names them. */
  anonymous?: boolean;
  /** The gateway is told of the orders of visitors who refuse, since it might take silence for a yes. */
  refused_orders?: boolean;
  /** By purpose, what the consent tools call their categories, with the site's own names for them. */
  categories: Record<string, string[]>;
  /** By which the tools say that something has changed, with spaces between them. */
  consent_events: string;
  /** Name of the global data layer; null: do not read one. */
  data_layer: string | null;
  /** Take e-mail and phone from forms. */
  forms: boolean;
  respect_blockers: boolean;
  /** Count page views on history navigation. */
  single_page: boolean;
  /** `{id}` and `{number}` stand for the order id the page knows. */
  purchase_event_id: string;
  /** Used when an event has a value and no currency. */
  currency: string | null;
  country: string | null;
  calling_code: string | null;
  /** Cookies whose values are sent along. */
  cookies: string[];
  /** URL parameters that are click ids. */
  click_ids: string[];
  pixels: PixelSettings[];
}

/** One destination. */
export interface Lane {
  platform: string;
  /** Every one of these purposes has to be granted. */
  requires: string[];
  /** What silence means; `ask`: the gateway knows, by the visitor's region. */
  unknown: "wait" | "assume" | "ask";
  /** What consent tools call the platform. */
  vendors?: string[];
  /** Its id on the IAB's list. */
  tcf_vendor?: number;
}

export interface PixelSettings {
  platform: string;
  id: string;
  script: string;
}

export let settings: Settings;
/** Where events go. */
export let endpoint: string;
/** This script's own address. */
export let source: string;
/** Of our own tag, for pages with a content security policy. */
export let nonce: string | undefined;

/**
 * Takes the settings: the object that the gateway wrote into the script, or, when the script came as it was built, the
 * JSON in the attribute of its own tag. Says whether there are any.
 */
export function takeSettings(written: unknown, tag: HTMLScriptElement): boolean {
  settings = typeof written === "string" ? JSON.parse(tag.dataset.settings as string) : written;
  endpoint = new URL("a", tag.src).href;
  source = tag.src;
  nonce = tag.nonce;
  return !!settings.cookie;
}
