// A Custom JavaScript variable for Google Tag Manager, named "event id". Give it to the GA4 tag as the event parameter
// event_id, to the Data Tag as event_id, and to the TikTok and Meta pixels as event_id or eventID: the halves of one action
// then have one id, and platforms count it once.
//
// It wants a Data Layer Variable named "message number" for the key gtm.uniqueEventId. A random value alone would not do:
// Tag Manager asks a variable anew for each tag, and each would get another id.
//
// Purchases: leave the tags' event_id to this variable too. ORDER must be what Tandem uses for the same order:
// event_id of [site.sources.woocommerce], else order_{id}.
function () {
  var ORDER = "wc_order_{id}";
  var layer = window.dataLayer || [];
  var number = {{message number}};
  var message = null;
  for (var i = layer.length - 1; i >= 0 && !message; i--) {
    if (layer[i] && layer[i]["gtm.uniqueEventId"] === number) message = layer[i];
  }
  if (message && message.event_id) return String(message.event_id);
  var sale = message && message.event === "purchase" && (message.ecommerce || message);
  if (sale && sale.transaction_id) return ORDER.replace("{id}", String(sale.transaction_id));
  var page = (window.tandemPage = window.tandemPage ||
    Date.now().toString(36) + Math.random().toString(36).slice(2, 12));
  return page + "." + number;
}
