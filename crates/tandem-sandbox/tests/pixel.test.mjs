// The pixel script in a window made of paper. Run with: node --test crates/tandem-sandbox/tests/pixel.test.mjs
import assert from 'node:assert/strict';
import { createHash, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

const SOURCE = readFileSync(new URL('../src/tiktok/pixel.js', import.meta.url), 'utf8');
const ORIGIN = 'http://127.0.0.1:8090';
const A = 'PIXELAAAAAAAAAAAAAAA';
const B = 'PIXELBBBBBBBBBBBBBBB';
const EMAIL_HASH = '848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f';
const METHODS = (
  'page track identify instances debug on off once ready alias group ' +
  'enableCookie disableCookie holdConsent revokeConsent grantConsent'
).split(' ');

const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** A cookie jar as a browser at `host` keeps it: one cookie for each name and domain. */
function jar(host, initial) {
  const cookies = new Map(Object.entries(initial).map(([name, value]) => [`${name}@`, { name, value }]));
  return {
    writes: [],
    get text() {
      return [...cookies.values()].map(({ name, value }) => `${name}=${value}`).join('; ');
    },
    set text(line) {
      this.writes.push(line);
      const [pair, ...attributes] = line.split('; ');
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      const attribute = (wanted) => attributes.find((a) => a.startsWith(`${wanted}=`))?.slice(wanted.length + 1);
      const domain = attribute('domain') ?? '';
      if (domain && host !== domain && !host.endsWith(`.${domain}`)) return;
      if (attribute('max-age') === '0') cookies.delete(`${name}@${domain}`);
      else cookies.set(`${name}@${domain}`, { name, value });
    },
    setFor(domain, name, value) {
      cookies.set(`${name}@${domain}`, { name, value });
    },
    value(name) {
      return this.text.split('; ').find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
    },
  };
}

/** A window with the parts the script uses; `sent` and `beacons` hold what left it. */
function open({ url = 'https://www.shop.example/cart', cookies = {}, secure = true, ...more } = {}) {
  const location = new URL(url);
  const store = new Map(Object.entries(more.session ?? {}));
  const listeners = {};
  const page = {
    sent: [],
    beacons: [],
    warnings: [],
    requests: [],
    jar: jar(location.hostname, cookies),
    fire: (type) => (listeners[type] ?? []).forEach((listener) => listener({ type })),
  };
  const window = {
    location,
    navigator: {
      userAgent: 'Paper/1.0',
      sendBeacon: (to, body) => page.beacons.push({ to, body: JSON.parse(body) }),
    },
    history: { pushState: (state, title, to) => (location.href = new URL(to, location).href) },
    document: {
      referrer: 'https://www.tiktok.com/',
      currentScript: null,
      querySelector: () => null,
      get cookie() {
        return page.jar.text;
      },
      set cookie(line) {
        page.jar.text = line;
      },
    },
    sessionStorage: {
      getItem: (key) => store.get(key) ?? null,
      setItem: (key, value) => store.set(key, value),
      removeItem: (key) => store.delete(key),
    },
    addEventListener: (type, listener) => (listeners[type] ??= []).push(listener),
    fetch: async (to, request) => {
      page.requests.push({ to, ...request });
      page.sent.push(JSON.parse(request.body));
    },
    crypto: { getRandomValues: (list) => webcrypto.getRandomValues(list), subtle: secure ? webcrypto.subtle : undefined },
    console: { warn: (...words) => page.warnings.push(words) },
    URL,
    TextEncoder,
  };
  window.window = window;
  Object.assign(window, more.window);
  page.context = vm.createContext(window);
  page.window = window;
  page.store = store;
  page.names = () => page.sent.map((body) => body.event);
  /** What the base code does on a page: stubs that push, and for each pixel its place under _i, _t and _o. */
  page.base = (name = 'ttq') => {
    window.TiktokAnalyticsObject = name;
    const ttq = (window[name] ??= []);
    const defer = (target) => {
      METHODS.forEach((method) => (target[method] = (...args) => void target.push([method, ...args])));
      return target;
    };
    defer(ttq);
    ttq.instance = (code) => defer(ttq._i?.[code] ?? []);
    ttq.load = (code, options) => {
      (ttq._i ??= {})[code] = [];
      (ttq._t ??= {})[code] = Date.now();
      (ttq._o ??= {})[code] = options ?? {};
    };
    return ttq;
  };
  page.arrive = (code = A) => {
    window.document.currentScript = { src: `${ORIGIN}/i18n/pixel/events.js?sdkid=${code}&lib=ttq` };
    vm.runInContext(SOURCE, page.context);
    window.document.currentScript = null;
  };
  return page;
}

/** A page whose base code loaded one pixel and whose script has come. */
function ready(options) {
  const page = open(options);
  const ttq = page.base();
  ttq.load(A, options?.load);
  page.arrive();
  return { page, ttq };
}

/** Until hashes are done. */
const hashed = () => new Promise((resolve) => setTimeout(resolve, 20));

test('calls before and after the script leave in order', async () => {
  const page = open();
  const ttq = page.base();
  ttq.load(A);
  ttq.page();
  ttq.track('ViewContent', { content_id: 'SKU-1' }, { event_id: 'view.1' });
  ttq.instance(A).track('AddToCart', {}, { event_id: 'cart.1' });
  assert.equal(page.sent.length, 0);
  page.arrive();
  assert.equal(page.window.ttq, ttq, 'the page keeps its object');
  ttq.track('Purchase', { value: 89.99, currency: 'EUR' }, { event_id: 'purchase.891' });
  ttq.push(['track', 'Contact']);
  assert.deepEqual(page.names(), ['Pageview', 'ViewContent', 'AddToCart', 'Purchase', 'Contact']);
  const [request] = page.requests;
  assert.equal(request.to, `${ORIGIN}/api/v2/pixel`);
  assert.deepEqual([request.method, request.keepalive, request.credentials], ['POST', true, 'omit']);
  assert.equal(request.headers, undefined, 'text without headers is text/plain and needs no preflight');
});

test('a hit says what was documented', () => {
  const { page, ttq } = ready({ url: 'https://www.shop.example/thanks?key=1#top', load: { limited_data_use: true } });
  const params = { value: 89.99, currency: 'EUR', contents: [{ content_id: 'SKU-1', quantity: 2 }] };
  ttq.track('Purchase', params, { event_id: 'purchase.891' });
  params.value = 0;
  const [hit] = page.sent;
  assert.equal(hit.event, 'Purchase');
  assert.equal(hit.event_id, 'purchase.891');
  assert.deepEqual(hit.properties, { ...params, value: 89.99 });
  assert.equal(hit.limited_data_use, true);
  assert.match(hit.message_id, /^\w{24}$/);
  assert.ok(Math.abs(Date.parse(hit.timestamp) - Date.now()) < 5000);
  assert.deepEqual(hit.context.pixel, { code: A, codes: A });
  assert.deepEqual(hit.context.page, {
    url: 'https://www.shop.example/thanks?key=1#top',
    referrer: 'https://www.tiktok.com/',
  });
  assert.equal(hit.context.userAgent, 'Paper/1.0');
  assert.deepEqual(hit.context.user, { anonymous_id: page.jar.value('_ttp') });
  assert.deepEqual(hit.context.ad, {});
});

test('an event id among the parameters is no event id', () => {
  const { page, ttq } = ready();
  ttq.track('Purchase', { event_id: 'lost' });
  assert.equal('event_id' in page.sent[0], false);
  assert.equal('limited_data_use' in page.sent[0], false);
});

test('identify hashes for the events that follow, which wait in order', async () => {
  const { page, ttq } = ready();
  ttq.track('ViewContent');
  ttq.identify({ email: ' Alice_ABC@gmail.com ', phone_number: '+12133734253', external_id: ' User_123 ' });
  ttq.track('Purchase');
  ttq.track('Contact');
  assert.deepEqual(page.names(), ['ViewContent'], 'the others wait for their hashes');
  await hashed();
  assert.deepEqual(page.names(), ['ViewContent', 'Purchase', 'Contact']);
  assert.equal(page.sent[0].context.user.email, undefined);
  for (const { context } of page.sent.slice(1)) {
    assert.equal(context.user.email, EMAIL_HASH);
    assert.equal(context.user.phone_number, sha256('+12133734253'));
    assert.equal(context.user.external_id, sha256('User_123'), 'an id keeps its case');
  }
});

test('ready hashes pass, and a call replaces earlier values', async () => {
  const { page, ttq } = ready();
  ttq.identify({ email: EMAIL_HASH.toUpperCase(), sha256_phone_number: sha256('+1'), external_id: 42 });
  ttq.track('Purchase');
  ttq.identify({ sha256_email: 'bob@shop.example', phone_number: '  ' });
  ttq.track('Contact');
  await hashed();
  const [purchase, contact] = page.sent.map((body) => body.context.user);
  assert.equal(purchase.email, EMAIL_HASH);
  assert.equal(purchase.phone_number, sha256('+1'));
  assert.equal(purchase.external_id, sha256('42'));
  assert.deepEqual(Object.keys(contact), ['anonymous_id'], 'what is no hash is not sent as one, nor is nothing hashed');
});

test('without Web Crypto nothing raw is sent', async () => {
  const { page, ttq } = ready({ secure: false });
  ttq.identify({ email: 'alice@shop.example', sha256_phone_number: sha256('+1') });
  ttq.track('Purchase');
  await hashed();
  assert.deepEqual(Object.keys(page.sent[0].context.user), ['anonymous_id', 'phone_number']);
  assert.equal(page.warnings.length, 1);
});

test('every pixel gets every event unless one is named', async () => {
  const page = open();
  const ttq = page.base();
  ttq.load(A);
  ttq.load(B, { limited_data_use: false });
  page.arrive(A);
  page.arrive(B);
  const seen = () => page.sent.splice(0).map((body) => [body.event, body.context.pixel.code]);
  ttq.track('Purchase');
  assert.deepEqual(seen(), [['Purchase', A], ['Purchase', B]]);
  ttq.track('Purchase', {}, { pixel_code: B });
  ttq.instance(A).track('Contact');
  ttq.instance('NOTLOADED').track('Contact');
  assert.deepEqual(seen(), [['Purchase', B], ['Contact', A]]);
  assert.equal(ttq.instances().length, 2);

  ttq.instance(B).identify({ email: 'alice_abc@gmail.com' });
  ttq.track('Lead');
  await hashed();
  assert.deepEqual(page.sent.map((body) => body.context.user.email), [undefined, EMAIL_HASH]);
});

test('a pixel can be loaded later, and base code may come twice', () => {
  const { page, ttq } = ready();
  ttq.load(B, { limited_data_use: true });
  ttq.track('Purchase');
  assert.deepEqual(page.sent.map((body) => body.limited_data_use), [undefined, true]);
  page.base();
  ttq.load(A);
  ttq.track('Contact');
  page.arrive(A);
  ttq.instance(A).track('Lead');
  assert.deepEqual(page.names(), ['Purchase', 'Purchase', 'Contact', 'Contact', 'Lead']);
});

test('another name for the global', () => {
  const page = open();
  const other = page.base('analytics');
  other.load(A);
  other.track('Purchase');
  page.arrive();
  assert.deepEqual(page.names(), ['Purchase']);
});

test('cookies are written once and kept', () => {
  const { page, ttq } = ready();
  const ttp = page.jar.value('_ttp');
  assert.match(ttp, /^[0-9A-Za-z]{27}\.tt\.1$/);
  assert.equal(page.jar.value('_tt_enable_cookie'), '1');
  assert.match(page.jar.value('ttcsid'), /^\d{13}::\w{20}\.1\.\d{13}\.0$/);
  assert.ok(page.jar.writes.includes(`_ttp=${ttp}; max-age=34128000; path=/; SameSite=Lax`));
  ttq.track('Purchase');
  assert.equal(page.jar.value('_ttp'), ttp);
  assert.equal(page.sent[0].context.session_id, page.jar.value('ttcsid').split('.')[0]);

  const known = ready({ cookies: { _ttp: '01JABC_.tt.2', ttcsid: '1600000000000::abc.4.1600000000000.0' } });
  known.ttq.track('Purchase');
  assert.equal(known.page.sent[0].context.user.anonymous_id, '01JABC_.tt.2');
  assert.ok(!known.page.jar.writes.some((line) => line.startsWith('_ttp=')));
  assert.match(known.page.jar.value('ttcsid'), /^\d{13}::abc\.5\./, 'the next session');
});

test('without cookies there is no id', () => {
  const page = open({ cookies: { _ttp: 'known.tt.1' } });
  const ttq = page.base();
  ttq.load(A);
  ttq.disableCookie();
  ttq.track('Contact');
  page.arrive();
  assert.deepEqual(page.jar.writes, []);
  assert.deepEqual(page.sent[0].context.user, {});
  ttq.enableCookie();
  ttq.track('Lead');
  assert.equal(page.sent[1].context.user.anonymous_id, 'known.tt.1');
});

test('the click id comes from the address, then from the cookie, then from the session', () => {
  const click = (options) => {
    const { page, ttq } = ready(options);
    ttq.track('Purchase');
    return [page.sent[0].context.ad.callback, page.jar.value('ttclid'), page.store.get('ttclid')];
  };
  const at = (query) => `https://www.shop.example/?${query}`;
  assert.deepEqual(click({ url: at('ttclid=E.C.P.abc%2Bdef') }), ['E.C.P.abc+def', 'E.C.P.abc%2Bdef', 'E.C.P.abc+def']);
  assert.equal(click({ url: at('ttclid=E.C.P.new'), cookies: { ttclid: 'E.C.P.old' } })[1], 'E.C.P.new');
  assert.equal(click({ cookies: { ttclid: 'E.C.P.abc%2Bdef' } })[0], 'E.C.P.abc+def');
  assert.equal(click({ cookies: { ttclid: '100%' } })[0], undefined);
  assert.deepEqual(click({ session: { ttclid: 'E.C.P.tab' } }), ['E.C.P.tab', undefined, 'E.C.P.tab']);
  for (const junk of ['ttclid=__CLICKID__', 'ttclid=', 'x=1']) {
    assert.deepEqual(click({ url: at(junk) }), [undefined, undefined, undefined]);
  }
});

test('held consent stores and sends nothing until it is granted', () => {
  const page = open({ url: 'https://www.shop.example/?ttclid=E.C.P.x' });
  const ttq = page.base();
  ttq.holdConsent();
  ttq.load(A);
  ttq.page();
  page.arrive();
  ttq.track('ViewContent', {}, { event_id: 'view.1' });
  page.window.history.pushState(null, '', '/next');
  page.fire('pagehide');
  assert.deepEqual([page.sent, page.beacons, page.jar.writes, page.store.size], [[], [], [], 0]);
  ttq.grantConsent();
  assert.deepEqual(page.names(), ['Pageview', 'ViewContent', 'Pageview']);
  const [first, , last] = page.sent;
  assert.equal(first.context.page.url, 'https://www.shop.example/?ttclid=E.C.P.x', 'the page it happened on');
  assert.equal(last.context.ad.callback, 'E.C.P.x', 'the click outlives the navigation');
  assert.equal(first.context.user.anonymous_id, page.jar.value('_ttp'));
});

test('revoked consent drops what waits and clears every trace', async () => {
  const { page, ttq } = ready({ url: 'https://www.shop.example/?ttclid=E.C.P.x' });
  page.jar.setFor('shop.example', '_ttp', 'server.tt.1');
  page.jar.setFor('', 'theirs', '1');
  ttq.identify({ email: 'alice_abc@gmail.com' });
  ttq.track('Purchase');
  ttq.revokeConsent();
  ttq.track('Contact');
  await hashed();
  page.fire('pagehide');
  assert.deepEqual([page.sent, page.beacons, page.store.size], [[], [], 0]);
  assert.equal(page.jar.text, 'theirs=1');
  ttq.grantConsent();
  ttq.track('Lead');
  assert.deepEqual(page.names(), ['Lead']);
});

test('the history counts only after page()', () => {
  const { page, ttq } = ready();
  const go = (to) => page.window.history.pushState(null, '', to);
  ttq.track('Pageview');
  go('/one');
  page.fire('popstate');
  assert.equal(page.sent.length, 1, 'a page that tracks its views itself is not doubled');
  ttq.page();
  go('/two');
  go('/two#part');
  page.window.location.href = 'https://www.shop.example/one';
  page.fire('popstate');
  const urls = page.sent.slice(1).map((body) => body.context.page.url);
  assert.deepEqual(urls, ['one', 'two', 'one'].map((path) => `https://www.shop.example/${path}`));
});

test('what still waits for its hash leaves with the page', async () => {
  const { page, ttq } = ready();
  ttq.identify({ sha256_email: EMAIL_HASH, phone_number: '+12133734253' });
  ttq.track('Purchase', {}, { event_id: 'purchase.891' });
  page.fire('pagehide');
  await hashed();
  assert.equal(page.sent.length, 0, 'and only once');
  assert.equal(page.beacons.length, 1);
  const [{ to, body }] = page.beacons;
  assert.equal(to, `${ORIGIN}/api/v2/pixel`);
  assert.deepEqual([body.event_id, body.context.user.email], ['purchase.891', EMAIL_HASH]);
  assert.equal(body.context.user.phone_number, undefined);
});

test('without fetch there is the beacon', () => {
  const { page, ttq } = ready({ window: { fetch: undefined } });
  ttq.track('Purchase');
  assert.equal(page.beacons.length, 1);
});

test('nothing is thrown into the page', async () => {
  const circle = {};
  circle.circle = circle;
  const broken = () => {
    throw new Error('broken');
  };
  const page = open({ window: { sessionStorage: { getItem: broken, setItem: broken, removeItem: broken } } });
  const ttq = page.base();
  ttq.load(A);
  ttq.push(null, 'text', ['none'], ['constructor'], ['track'], ['track', 'Purchase', circle], ['identify', null]);
  page.arrive();
  ttq.track();
  ttq.track(7);
  ttq.track('Purchase', circle);
  ttq.track('Contact', null, null);
  ttq.ready(broken);
  ttq.load();
  ttq.load(undefined, {});
  ttq.identify({ email: { toString: broken } });
  METHODS.filter((name) => !/Consent|track/.test(name)).forEach((name) => ttq[name]());
  await hashed();
  assert.ok(page.names().includes('Contact'));
  ttq.revokeConsent();
  ttq.grantConsent();
  page.window.fetch = async () => broken();
  ttq.track('Lead');
  page.window.fetch = broken;
  ttq.track('Lead');
  await hashed();
  assert.ok(page.warnings.length > 0);

  open().arrive();
  vm.runInContext(SOURCE, open().context);
  const odd = open({ window: { ttq: { page() {} } } });
  odd.arrive();
  assert.equal(odd.warnings.length, 1);
});
