/** A page of a shop, as far as the script can see it. Nothing happens by itself: the tests move the clock. */

import { createHash, webcrypto } from "node:crypto";
import { createContext, runInContext } from "node:vm";
import type { Lane, Settings } from "../../src/settings.ts";
import { script } from "./script.ts";
import { FakeStorage } from "./storage.ts";

export const SRC = "https://shop.example/x7k2/s.js";
export const NOW = 1_763_830_000_000;
export const PIXEL_SCRIPT = "https://analytics.tiktok.com/i18n/pixel/events.js";

/** One destination that advertises. */
export function lanes(unknown: Lane["unknown"], more: Partial<Lane> = {}): Lane[] {
  return [{ platform: "tiktok", requires: ["advertising"], unknown, vendors: ["tiktok"], ...more }];
}

/** As the gateway knows them. */
const CATEGORIES: Settings["categories"] = {
  advertising: (
    "C0004 marketing m advertising advertisement ad_storage ad_user_data create_ads_profile " +
    "select_personalized_ads measure_ad_performance advertising_personalization"
  ).split(" "),
  analytics: "C0002 statistics a analytics analytics_storage audience_measurement market_research".split(" "),
  functional: "C0003 preferences p functional functionality_storage external-media".split(" "),
};

const EVENTS =
  "wp_listen_for_consent_change cmplz_status_change cookieyes_consent_update cli_consent_update " +
  "CookiebotOnAccept CookiebotOnDecline OneTrustGroupsUpdated borlabs-cookie-consent-saved " +
  "visitorConsentCollected UC_UI_INITIALIZED UC_UI_CMP_EVENT UC_CONSENT";

export const SETTINGS: Settings = {
  cookie: "tdv",
  lanes: lanes("assume"),
  gpc: "limit",
  accept_defaults: false,
  anonymous: false,
  categories: CATEGORIES,
  consent_events: EVENTS,
  data_layer: "dataLayer",
  forms: false,
  respect_blockers: false,
  single_page: true,
  purchase_event_id: "wc_order_{id}",
  currency: "EUR",
  country: "DE",
  calling_code: "49",
  cookies: ["_ttp", "ttclid", "_fbp"],
  click_ids: ["ttclid", "fbclid"],
  pixels: [],
};

export interface Body {
  visitor: string;
  sent_at: number;
  page: { url: string; referrer: string; title: string };
  events: Record<string, any>[];
  [field: string]: any;
}

export interface Request {
  url: string;
  init: Record<string, any>;
}

export interface Answer {
  status: number;
  body?: unknown;
}

export interface Options {
  settings?: Partial<Settings>;
  url?: string;
  referrer?: string;
  title?: string;
  cookie?: string;
  tag?: Record<string, unknown> | null;
  /** The text that is run instead of the script with its settings inside. */
  source?: (script: string) => string;
  local?: FakeStorage;
  session?: FakeStorage;
  prerendering?: boolean;
  /** The address of the navigation, when the page has changed it since. */
  navigation?: string;
  navigator?: Record<string, unknown>;
  isInsecure?: boolean;
  /** The load event has not come yet. */
  isLoading?: boolean;
  /** Runs in the page before the script. */
  before?: (window: any) => void;
  now?: number;
}

type Listener = (event: any) => void;

export class Page {
  window: any = {};
  document: any;
  local: FakeStorage;
  session: FakeStorage;
  requests: Request[] = [];
  beacons: Request[] = [];
  /** Script elements that were added to the page. */
  tags: any[] = [];
  now: number;
  /** How the network answers; an error is no answer. */
  answer: (request: Request) => Answer | Error | Promise<Answer> = () => ({ status: 200, body: {} });
  acceptsBeacons = true;
  /** What no listener and no timer of ours may let out. */
  errors: unknown[] = [];
  private timers: { at: number; work: () => void; id: number }[] = [];
  private listeners: { target: string; type: string; listener: Listener; isCapture: boolean }[] = [];
  private context: object;
  private url: URL;

  /** Opens the page, and runs the script unless told otherwise. */
  static async open(options: Options = {}): Promise<Page> {
    const page = new Page(options);
    await page.runScript(options);
    return page;
  }

  constructor(options: Options = {}) {
    this.url = new URL(options.url ?? "https://shop.example/");
    this.local = options.local ?? new FakeStorage();
    this.session = options.session ?? new FakeStorage();
    this.now = options.now ?? NOW;
    this.document = {
      cookie: options.cookie ?? "",
      title: options.title ?? "Shop",
      referrer: options.referrer ?? "",
      hidden: false,
      readyState: options.isLoading ? "interactive" : "complete",
      prerendering: options.prerendering,
      addEventListener: this.listen("document"),
      createElement: (name: string) => ({ name }),
      head: { appendChild: (tag: any) => this.tags.push(Object.assign(tag, { isConnected: true })) },
    };
    const window = this.window;
    Object.assign(window, {
      window,
      document: this.document,
      location: this.location(),
      history: { pushState: this.move, replaceState: this.move },
      navigator: { language: "de-DE", sendBeacon: this.beacon, ...options.navigator },
      localStorage: this.local,
      sessionStorage: this.session,
      performance: { getEntriesByType: () => [{ name: options.navigation ?? this.url.href }] },
      addEventListener: this.listen("window"),
      atob,
      setTimeout: (work: () => void, ms = 0) =>
        this.timers.push({ at: this.now + ms, work, id: this.timers.length + 1 }),
      clearTimeout: (id: number) =>
        (this.timers = this.timers.map((t) => (t.id === id ? { ...t, work: () => {} } : t))),
      fetch: this.fetch,
      crypto: {
        getRandomValues: (array: any) => webcrypto.getRandomValues(array),
        subtle: options.isInsecure ? undefined : { digest },
      },
      Blob,
      URL,
      URLSearchParams,
      TextEncoder,
    });
    this.context = createContext(window);
    window.clock = () => this.now;
    this.run("Date.now = clock");
    options.before?.(window);
  }

  async runScript({ settings, tag, source }: Options = {}): Promise<void> {
    const text = await script();
    const json = JSON.stringify({ ...SETTINGS, ...settings });
    this.document.currentScript = tag === null ? null : { src: SRC, nonce: "", dataset: {}, ...tag };
    this.run(source ? source(text) : text.replace('"__TANDEM_SETTINGS__"', () => json));
    this.document.currentScript = null;
    await this.settle();
  }

  run(code: string): any {
    return runInContext(code, this.context);
  }

  /** What the page's own code says. */
  async tandem(...args: unknown[]): Promise<void> {
    this.window.tandem(...args);
    await this.settle();
  }

  async push(...entries: unknown[]): Promise<void> {
    this.window.dataLayer.push(...entries);
    await this.settle();
  }

  async go(method: "pushState" | "replaceState", address: string): Promise<void> {
    this.window.history[method](null, "", address);
    await this.settle();
  }

  async back(address: string): Promise<void> {
    this.move(null, "", address);
    await this.fire("window", "popstate");
  }

  async fire(target: "window" | "document", type: string, event: object = {}): Promise<void> {
    for (const one of this.listeners) {
      // What is fired at the document passes the window on its way down, but for `load`.
      const isPassed = one.target === "window" && one.isCapture && type !== "load";
      if (one.type === type && (one.target === target || isPassed)) this.guarded(() => one.listener({ type, ...event }));
    }
    await this.settle();
  }

  async leave(): Promise<void> {
    await this.fire("window", "pagehide");
  }

  /** Moves the clock, and runs what is due. */
  async wait(ms: number): Promise<void> {
    this.now += ms;
    await this.settle();
  }

  /** Everything that was begun is done, and what is due by the clock. */
  async settle(): Promise<void> {
    await new Promise(setImmediate);
    const due = this.timers.filter((timer) => timer.at <= this.now);
    if (!due.length) return;
    this.timers = this.timers.map((timer) => (due.includes(timer) ? { ...timer, at: Infinity } : timer));
    for (const timer of due) this.guarded(timer.work);
    await this.settle();
  }

  posts(): Body[] {
    return this.requests
      .filter((request) => request.init.method === "POST")
      .map((request) => JSON.parse(request.init.body));
  }

  /** All events posted, in order. */
  events(): Record<string, any>[] {
    return this.posts().flatMap((post) => post.events);
  }

  names(): string[] {
    return this.events().map((event) => event.event_name);
  }

  /** Events but page views. */
  others(): Record<string, any>[] {
    return this.events().filter((event) => event.event_name !== "Pageview");
  }

  async beaconBodies(): Promise<Body[]> {
    return Promise.all(this.beacons.map(async ({ init }) => JSON.parse(await init.body.text())));
  }

  /** The calls that wait for TikTok's script, as plain values. */
  ttq(): any[] {
    return JSON.parse(JSON.stringify(Array.from(this.window.ttq ?? [])));
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.errors.push(error);
    }
  }

  private listen = (target: string) => (type: string, listener: Listener, options?: unknown) => {
    this.listeners.push({ target, type, listener, isCapture: options === true });
  };

  private move = (_state: unknown, _title: string, address?: string | null) => {
    if (address != null) this.url = new URL(address, this.url);
  };

  private location(): object {
    const now = () => this.url;
    return {
      get href() {
        return now().href;
      },
      get pathname() {
        return now().pathname;
      },
      get search() {
        return now().search;
      },
    };
  }

  private fetch = async (url: string, init: Record<string, any>) => {
    const request = { url, init };
    this.requests.push(request);
    const answer = await this.answer(request);
    if (answer instanceof Error) throw answer;
    const { status, body } = answer;
    return { ok: status >= 200 && status < 300, status, json: async () => body ?? JSON.parse("") };
  };

  private beacon = (url: string, body: Blob) => {
    if (this.acceptsBeacons) this.beacons.push({ url, init: { body } });
    return this.acceptsBeacons;
  };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** At once, where a browser would take some microseconds. */
async function digest(_name: string, data: Uint8Array): Promise<ArrayBuffer> {
  const { buffer, byteOffset, length } = createHash("sha256").update(data).digest();
  return buffer.slice(byteOffset, byteOffset + length);
}
