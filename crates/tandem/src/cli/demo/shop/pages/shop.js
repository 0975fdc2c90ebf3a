// The shop's own script. Everything works without it but the strip, the panel and adding to the cart in place.
(() => {
  'use strict';
  const one = (selector, root = document) => root.querySelector(selector);
  const layer = (window.dataLayer = window.dataLayer || []);

  /** As GA4's guide says: first clear what the last push left. */
  function push(event, ecommerce) {
    layer.push({ ecommerce: null });
    layer.push({ event, ecommerce });
  }

  async function ask(address, options) {
    const answer = await fetch(address, { headers: { accept: 'application/json' }, ...options });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  // The number beside the cart.

  function showCount(pieces) {
    const place = one('[data-count]');
    if (!place) return;
    place.hidden = !pieces;
    one('b', place).textContent = pieces;
  }
  ask('/cart.json').then((cart) => showCount(cart.pieces), () => {});

  // Into the cart: in place, or by leaving for the checkout.

  const wish = one('[data-item]');
  wish?.addEventListener('submit', (submit) => {
    const item = JSON.parse(wish.dataset.item);
    item.quantity = Number(wish.elements.quantity.value);
    push('add_to_cart', { currency: 'EUR', value: Math.round(item.price * item.quantity * 100) / 100, items: [item] });
    if (submit.submitter?.value === 'checkout') return;
    submit.preventDefault();
    const said = one('[data-said]', wish);
    ask(wish.action, { method: 'POST', body: new URLSearchParams(new FormData(wish)) }).then(
      (cart) => {
        showCount(cart.pieces);
        said.innerHTML = 'It is in your cart. <a href="/cart">Go there</a>';
      },
      () => wish.submit(),
    );
  });

  const pay = one('[data-pay]');
  pay?.addEventListener('submit', () => {
    const method = new FormData(pay).get('payment_method');
    push('add_payment_info', { ...JSON.parse(pay.dataset.pay), payment_type: method });
  });

  // What arrived.

  /** Calls `work` now and then, while somebody looks, until it says that all is told; and anew after another answer to the banner. */
  function watch(work) {
    let turn, timer;
    const again = async () => {
      clearTimeout(timer);
      if (!document.hidden && (await work().catch(() => false))) return;
      clearTimeout(timer);
      timer = setTimeout(again, turn++ < 20 ? 500 : 2500);
    };
    const begin = () => {
      turn = 0;
      again();
    };
    document.addEventListener('wp_listen_for_consent_change', begin);
    begin();
  }

  const seconds = (ms) => (ms / 1000).toFixed(1);
  const write = (root, name, text) => {
    const place = one(`[data-${name}]`, root);
    if (place && place.textContent !== String(text)) place.textContent = text;
  };

  function showHalf(panel, name, half, missed) {
    const box = one(`[data-half=${name}]`, panel);
    box.dataset.here = half ? 'yes' : 'no';
    if (!half) return write(box, 'when', missed);
    const clock = new Date(half.at_ms).toLocaleTimeString();
    write(box, 'when', `${seconds(half.after_ms)} s after the payment, at ${clock}`);
    const keys = half.keys.map((key) => {
      const chip = document.createElement('li');
      chip.textContent = key;
      if (half.own.includes(key)) chip.className = 'own';
      return chip;
    });
    one('[data-keys]', box).replaceChildren(...keys);
  }

  function showRuling(panel, ruling) {
    one('[data-ruling]', panel).hidden = !ruling;
    write(panel, 'consent-ruling', ruling ? ruling.consent || '' : '');
  }

  const panel = one('[data-outcome]');
  if (panel) {
    const came = one('[data-half=server]', panel).dataset.here === 'yes';
    watch(async () => {
      const outcome = await ask(`/outcome?order=${panel.dataset.outcome}`);
      // The record below was written before the delivery: a moment later it tells of it.
      if ('renew' in panel.dataset && outcome.server && !came) setTimeout(() => location.reload(), 500);
      panel.dataset.state = outcome.state;
      const missed = outcome.state === 'not_sent' ? 'not sent' : outcome.missed ? 'did not come' : 'not yet';
      ['browser', 'server'].forEach((name) => showHalf(panel, name, outcome[name], missed));
      ['headline', 'detail', 'counted', 'received'].forEach((name) => write(panel, name, outcome[name]));
      write(panel, 'answer-given', outcome.answer);
      showRuling(panel, outcome.ruling);
      return outcome.settled || ('renew' in panel.dataset && outcome.server && !came);
    });
  }

  const strip = one('[data-strip]');
  if (strip) {
    strip.hidden = false;
    strip.open = sessionStorage.getItem('strip') === 'open';
    strip.addEventListener('toggle', () => sessionStorage.setItem('strip', strip.open ? 'open' : 'closed'));
    const cell = (kind, text, name = '') => Object.assign(document.createElement(kind), { textContent: text, className: name });
    const mark = (here, side) => {
      const place = cell('td', here ? '●' : '–', here ? `yes-${side}` : '');
      place.setAttribute('aria-label', here ? 'arrived' : 'not arrived');
      return place;
    };
    watch(async () => {
      const told = await ask('/outcome');
      const rows = told.events.map((event) => {
        const row = document.createElement('tr');
        const name = Object.assign(cell('th', event.name), { scope: 'row' });
        const times = cell('td', event.counted === 1 ? 'once' : event.counted ? `${event.counted}×` : '–');
        row.append(name, mark(event.browser, 'browser'), mark(event.server, 'server'), times);
        return row;
      });
      one('tbody', strip).replaceChildren(...rows);
      one('table', strip).hidden = !rows.length;
      one('[data-empty]', strip).hidden = rows.length > 0;
      write(strip, 'empty', told.empty);
      const all = rows.length + (told.more || 0);
      write(strip, 'total', `${all} ${all === 1 ? 'event' : 'events'}`);
      write(strip, 'views', told.page_views ? `And ${told.page_views} page views.` : '');
      return false;
    });
  }
})();
