// The shop's banner, as any consent tool for WordPress has one: it keeps the answer in the cookies of the WP Consent API and
// fires that API's event. It knows nothing of the gateway.
(() => {
  'use strict';
  const banner = document.querySelector('[data-consent]');
  if (!banner) return;
  const link = document.querySelector('[data-consent-open]');
  const KINDS = ['marketing', 'statistics'];
  const THIRTY_DAYS = 30 * 24 * 60 * 60;
  let isAskedFor = false;

  const answer = () => (document.cookie.match(/(?:^|; )wp_consent_marketing=(allow|deny)(?:;|$)/) || [])[1];

  function show() {
    const given = answer();
    banner.hidden = Boolean(given) && !isAskedFor;
    const now = given === 'allow' ? 'So far you have accepted.' : 'So far you have declined.';
    banner.querySelector('[data-consent-now]').textContent = given ? now : '';
  }

  function keep(value) {
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    for (const kind of KINDS) {
      document.cookie = `wp_consent_${kind}=${value}; Max-Age=${THIRTY_DAYS}; Path=/; SameSite=Lax${secure}`;
    }
    for (const kind of KINDS) {
      document.dispatchEvent(new CustomEvent('wp_listen_for_consent_change', { detail: { [kind]: value } }));
    }
  }

  banner.addEventListener('click', (click) => {
    const button = click.target.closest('[data-answer]');
    if (!button) return;
    keep(button.dataset.answer);
    // The button goes away, and the keyboard must not be left nowhere.
    (isAskedFor ? link : document.querySelector('main')).focus({ preventScroll: true });
    isAskedFor = false;
    show();
  });

  link.hidden = false;
  link.addEventListener('click', () => {
    isAskedFor = true;
    show();
    banner.focus();
  });

  // Answered in another tab, or before the way back to this page.
  addEventListener('pageshow', show);
  document.addEventListener('visibilitychange', show);
  show();
})();
