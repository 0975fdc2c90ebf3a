// The pixel script of the stand-in: the browser half of a hybrid run without an outside network.
//
// Written from the documented behaviour of `ttq`, not from TikTok's script. It takes over the queue that the base
// code on the page has filled, hashes what `identify` is given, waits for consent, and posts to the origin it was
// loaded from. Form matching and click collection are left out. It must never throw into the page.
(function () {
  'use strict';

  const MONTH_S = 30 * 86400;
  const YEAR_AND_MONTH_S = 395 * 86400;
  const SESSION_MS = 30 * 60 * 1000;
  const COOKIES = ['_ttp', '_tt_enable_cookie', 'ttcsid', 'ttclid'];
  const HARMLESS = ['on', 'off', 'once', 'debug', 'alias', 'group'];
  const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  /** How the raw values of `identify` are written before they are hashed. */
  const WRITTEN = {
    email: (text) => text.trim().toLowerCase(),
    phone_number: (text) => text.trim(),
    external_id: (text) => text.trim(),
  };

  /** Runs `work`; a failure is told to the console and never to the page. */
  function guarded(work) {
    return (...args) => {
      try {
        return work(...args);
      } catch (error) {
        warn(error);
      }
    };
  }

  function warn(error) {
    console.warn('pixel of the stand-in:', error);
  }

  function runtime(ttq, endpoint) {
    /** Codes that are loaded, and those of them whose `page()` was called: only these follow the history. */
    const pixels = new Set();
    const paged = new Set();
    /** What `identify` was given, hashed: under '' for every pixel, or under a code. */
    const people = new Map([['', { user: {}, ready: true }]]);
    /** Hits in order, waiting for a hash or for consent. */
    const line = [];
    const landed = clickOf(location.href);
    let consent = 'granted';
    let cookies = true;
    let place = here();

    /** The documented methods; `only` is the pixel of an instance, or null for all. */
    const methods = {
      load(only, code, options) {
        ttq._o = { ...ttq._o, ...(options && { [code]: options }) };
        start(code);
        remember();
      },
      page(only, params) {
        place = here();
        targets(only).forEach((code) => paged.add(code));
        hit(only, 'Pageview', params);
      },
      track: (only, event, params, extra) =>
        hit((extra && extra.pixel_code) || only, event, params, extra && extra.event_id),
      identify,
      instance: (only, code) => handle(code),
      instances: () => Array.from(pixels, handle),
      enableCookie: () => void ((cookies = true), remember()),
      disableCookie: () => void (cookies = false),
      holdConsent: () => void (consent = 'held'),
      grantConsent: () => void ((consent = 'granted'), remember(), drain()),
      revokeConsent() {
        consent = 'revoked';
        line.length = 0;
        forget();
      },
      ready: (only, callback) => void (callback && callback()),
    };
    HARMLESS.forEach((name) => (methods[name] = () => {}));

    /** Takes what the base code has gathered since the last time: pixels, calls for all, calls for one. */
    function adopt(sdkid) {
      const codes = Object.keys(ttq._i || {}).concat(sdkid || []);
      const calls = ttq.splice(0).map((call) => [null, call]);
      codes.forEach((code) => ((ttq._i || {})[code] || []).splice(0).forEach((call) => calls.push([code, call])));
      codes.forEach(start);
      install(ttq, null);
      calls.forEach(([only, call]) => replay(only, call));
      remember();
    }

    function start(code) {
      if (typeof code !== 'string' || !code) return;
      ttq._i = ttq._i || {};
      ttq._i[code] = ttq._i[code] || [];
      install(ttq._i[code], code);
      pixels.add(code);
    }

    function install(target, only) {
      Object.keys(methods).forEach((name) => {
        target[name] = guarded((...args) => methods[name](only, ...args));
      });
      // A stub that outlived the take-over still pushes.
      target.push = (...calls) => calls.forEach((call) => replay(only, call));
      return target;
    }

    function replay(only, call) {
      const [name, ...args] = Array.from(call || []);
      if (Object.hasOwn(methods, name)) guarded(methods[name])(only, ...args);
    }

    /** The instance of a pixel; one that is not loaded sends nothing until it is. */
    function handle(code) {
      return (ttq._i && ttq._i[code]) || install([], code);
    }

    const targets = (only) => Array.from(pixels).filter((code) => !only || code === only);

    /** Replaces what is known of the person, for the events that follow. */
    function identify(only, values) {
      const given = values || {};
      const person = { user: {}, ready: false };
      if (!only) people.clear();
      people.set(only || '', person);
      const hashing = Object.keys(WRITTEN).map(async (key) => {
        const texts = [given['sha256_' + key], given[key]].map((value) => String(value ?? ''));
        const hashed = texts.map((text) => text.trim()).find((text) => /^[0-9a-f]{64}$/i.test(text));
        const written = WRITTEN[key](texts[1]);
        if (hashed) person.user[key] = hashed.toLowerCase();
        else if (written) person.user[key] = await sha256(written);
      });
      // Without Web Crypto (a page that is not secure) a key is left out: nothing raw is ever sent.
      const settled = Promise.all(hashing.map((job) => job.catch(warn)));
      settled.then(() => (person.ready = true)).then(drain).catch(warn);
    }

    /** Takes down an event as it is now; who it was, and which cookies there are, is added when it leaves. */
    function hit(only, event, params, eventId) {
      if (consent === 'revoked' || typeof event !== 'string' || !event) return;
      targets(only).forEach((code) => {
        const body = {
          event,
          event_id: eventId,
          message_id: token(24),
          timestamp: new Date().toISOString(),
          is_onsite: false,
          limited_data_use: ((ttq._o || {})[code] || {}).limited_data_use,
          properties: params || {},
          context: {
            pixel: { code, codes: Array.from(pixels).join('|') },
            page: { url: location.href, referrer: document.referrer },
            library: { name: 'pixel.js', version: 'stand-in' },
            userAgent: navigator.userAgent,
          },
        };
        // A copy, because the page may change its objects later.
        line.push({ body: JSON.parse(JSON.stringify(body)), person: people.get(code) || people.get('') });
      });
      drain();
    }

    function drain() {
      while (consent === 'granted' && line.length && line[0].person.ready) send(line.shift(), false);
    }

    function send({ body, person }, leaving) {
      const { ttp, session, click } = remember();
      Object.assign(body.context, { session_id: session, ad: { callback: click } });
      body.context.user = { anonymous_id: ttp, ...person.user };
      const text = JSON.stringify(body);
      // Plain text keeps the request simple, so that no browser asks for leave first.
      if (leaving || !window.fetch) navigator.sendBeacon(endpoint, text);
      else fetch(endpoint, { method: 'POST', body: text, keepalive: true, credentials: 'omit' }).catch(warn);
    }

    /** Writes what may be written and says what there is; neither before consent. */
    function remember() {
      if (consent !== 'granted') return {};
      if (landed) keep(landed);
      if (!cookies) return { click: landed || kept() };
      if (landed && cookie('ttclid') !== landed) write('ttclid', encodeURIComponent(landed), MONTH_S);
      if (!cookie('_ttp')) write('_ttp', token(27) + '.tt.1', YEAR_AND_MONTH_S);
      write('_tt_enable_cookie', '1', YEAR_AND_MONTH_S);
      write('ttcsid', renewed(cookie('ttcsid')), YEAR_AND_MONTH_S);
      const session = (cookie('ttcsid') || '').split('.')[0];
      return { ttp: cookie('_ttp'), session, click: landed || cookie('ttclid') || kept() };
    }

    /** A page of the history counts if its address is new; a mere `replaceState` is no navigation. */
    const moved = guarded(() => {
      if (place === here()) return;
      place = here();
      paged.forEach((code) => hit(code, 'Pageview'));
    });
    const pushState = history.pushState;
    history.pushState = function (...args) {
      const result = pushState.apply(this, args);
      moved();
      return result;
    };
    window.addEventListener('popstate', moved);
    // What still waits for its hash leaves without it: better an event with fewer keys than none.
    const leave = guarded(() => consent === 'granted' && line.splice(0).forEach((each) => send(each, true)));
    window.addEventListener('pagehide', leave);

    return { adopt };
  }

  const here = () => location.href.split('#')[0];

  /** The click id of an address; an ad whose macro was never filled in has none. */
  function clickOf(address) {
    const click = new URL(address).searchParams.get('ttclid');
    return click && click !== '__CLICKID__' ? click : undefined;
  }

  function token(length) {
    return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => BASE62[byte % 62]).join('');
  }

  async function sha256(text) {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  function cookie(name) {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(name + '='));
    const text = found && found.slice(name.length + 1);
    return name === 'ttclid' && text ? guarded(decodeURIComponent)(text) : text;
  }

  function write(name, value, seconds, domain) {
    const where = domain ? `; domain=${domain}` : '';
    document.cookie = `${name}=${value}; max-age=${seconds}; path=/; SameSite=Lax${where}`;
  }

  const keep = guarded((click) => sessionStorage.setItem('ttclid', click));
  const kept = guarded(() => sessionStorage.getItem('ttclid') || undefined);

  /** Removes the cookies, from parent domains too: the shop's server may have set them there. */
  function forget() {
    const labels = location.hostname.split('.');
    const domains = labels.map((_, index) => labels.slice(index).join('.'));
    COOKIES.forEach((name) => ['', ...domains].forEach((domain) => write(name, '', 0, domain)));
    guarded(() => sessionStorage.removeItem('ttclid'))();
  }

  /** `start::id.number.last.0`: the session goes on, or after half an hour the next one starts. */
  function renewed(before) {
    const now = Date.now();
    const [, start, id, number, last] = /^(\d+)::(\w+)\.(\d+)\.(\d+)\./.exec(before || '') || [];
    const goesOn = now - last <= SESSION_MS;
    return `${goesOn ? start : now}::${id || token(20)}.${Number(number || 0) + (goesOn ? 0 : 1)}.${now}.0`;
  }

  guarded(() => {
    const script = document.currentScript || document.querySelector('script[src*="/i18n/pixel/events.js"]');
    const source = new URL(script.src);
    const name = window.TiktokAnalyticsObject || source.searchParams.get('lib') || 'ttq';
    const ttq = (window[name] = window[name] || []);
    // The base code adds one script for each pixel; the first one works for all.
    if (!ttq._runtime) ttq._runtime = runtime(ttq, source.origin + '/api/v2/pixel');
    ttq._runtime.adopt(source.searchParams.get('sdkid'));
  })();
})();
