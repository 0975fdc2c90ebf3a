//! Remembering visitors: what a request tells of one, and what an event is given from it.

use std::collections::HashMap;
use std::sync::Arc;

use tandem_core::consent::{Consent, Decision, Gates};
use tandem_core::identity::{ClickIds, IdHashes, MatchKeys, hash_identity};
use tandem_core::session::{self, Clues, Rules, Supply, Touch, Via};
use tandem_core::{Channel, Event, names};
use tandem_sources::{Visit, woocommerce};
use tandem_store::{NewTouch, Remembered, Store, StoreError};

/// More orders than this on one page are nobody's.
const MAX_ORDERS: usize = 3;

/// What a page's request tells of its visitor, hashed. `admitted`: the events of the request, whose purchases name the
/// orders that the visitor was seen with. A no is kept with an order only where silence may count as a yes: elsewhere it
/// could do nothing but harm.
pub(crate) fn touch_of_visit(visit: Visit, admitted: &[&mut Event], gates: &Gates) -> Touch {
    let purchases = admitted.iter().filter(|event| event.event_name == names::PURCHASE);
    let mut orders: Vec<String> = purchases.filter_map(|event| event.order_id.clone()).collect();
    orders.truncate(MAX_ORDERS);
    if visit.consent.as_ref().is_some_and(Consent::is_refusal) && !gates.may_assume() {
        orders.clear();
    }
    let (keys, _) = hash_identity(visit.identity);
    let MatchKeys { email, phone, external_id, ip, user_agent, locale, click_ids, .. } = keys;
    Touch {
        visitor: visit.visitor,
        at_ms: visit.at_ms,
        click_ids,
        page: visit.page.url,
        referrer: visit.page.referrer,
        locale,
        user_agent,
        address: ip,
        email,
        phone,
        external_id,
        consent: visit.consent,
        keeps_visitor: visit.keeps_visitor,
        orders,
        pixels: visit.pixels,
    }
}

/// What an order from the shop's server tells of a visitor: the one whose id it carries, or the one it was joined to.
/// The buyer's e-mail address then finds the visitor for the next order.
pub(crate) fn touch_of_order(event: &Event, visitor: Option<&str>, gates: &Gates) -> Option<Touch> {
    let visitor = event.session_id.as_deref().or(visitor)?;
    let allowed = gates.widest(&event.consent) == Decision::Send;
    if event.channel != Channel::Server || !allowed {
        return None;
    }
    let own = |name: &str| !event.supplied.contains_key(name);
    // What came from a session is as old as it is there.
    let mut click_ids = ClickIds::default();
    for (name, value) in event.user.click_ids.iter().filter(|(name, _)| own(name)) {
        if let Some(place) = click_ids.slot(name) {
            *place = Some(value.to_owned());
        }
    }
    Some(Touch {
        visitor: visitor.to_owned(),
        at_ms: event.event_time * 1_000,
        click_ids,
        email: event.user.email.iter().filter(|_| own("email")).cloned().collect(),
        phone: event.user.phone.iter().filter(|_| own("phone")).cloned().collect(),
        orders: event.session_id.iter().filter_map(|_| event.order_id.clone()).collect(),
        ..Touch::default()
    })
}

/// A network address older than this is not joined any more, in milliseconds.
const ADDRESS_FRESH_MS: i64 = 86_400_000;

/// Completes events from their sessions. Gives the visitor each was joined to.
pub(crate) async fn join(
    store: &Arc<Store>,
    site: &str,
    rules: &Rules,
    events: &mut [&mut Event],
    now_ms: i64,
) -> Result<Vec<Option<String>>, StoreError> {
    let found = known(store, site, events).await?;
    let joined = events.iter_mut().zip(found).map(|(event, known)| {
        if let Some(consent) = &known.with_order {
            session::freeze(event, consent);
        }
        let session = known.session.as_ref().filter(|found| is_believed(event, found));
        if let Some(found) = session {
            add(event, found, rules, now_ms);
        } else if known.session.is_none()
            && event.source == woocommerce::NAME
            && let Some(visitor) = event.session_id.clone()
        {
            // An order may be here before its page, say when we were away while the visitor was there.
            name_visitor(event, &visitor);
        }
        heed(event, session, known.refusal.as_ref());
        Some(session?.visitor.clone())
    });
    Ok(joined.collect())
}

/// Gives events what was allowed for their orders, where no visitors are remembered.
pub(crate) async fn freeze(
    store: &Arc<Store>,
    site: &str,
    events: &mut [&mut Event],
) -> Result<(), StoreError> {
    let asked: Vec<(usize, Asked)> = events
        .iter()
        .map(|event| Asked::of(event))
        .enumerate()
        .filter(|(_, a)| !a.orders.is_empty())
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let (store, site) = (store.clone(), site.to_owned());
    let look_up = move || -> Result<Vec<_>, StoreError> {
        asked.into_iter().map(|(at, asked)| Ok((at, asked.with_order(&store, &site)?))).collect()
    };
    let found = tokio::task::spawn_blocking(look_up).await;
    for (at, consent) in found.map_err(|e| StoreError::Database(e.to_string()))?? {
        if let (Some(event), Some(consent)) = (events.get_mut(at), consent) {
            session::freeze(event, &consent);
        }
    }
    Ok(())
}

/// Heeds a no that a page told with the order and nobody's name; whether there was one. The order's own word counts for more,
/// and so does the buyer's own page.
fn heed(event: &mut Event, session: Option<&Arc<Remembered>>, no: Option<&Consent>) -> bool {
    let by_buyer = session.is_some_and(|found| found.via != Via::Email && !found.session.is_refused());
    let no = no.filter(|_| !by_buyer && !event.consent.has_choice());
    if let Some(no) = no {
        session::refuse(event, no);
    }
    no.is_some()
}

/// Anybody can name an order: a visitor who came otherwise than the buyer is not the one.
fn is_believed(event: &Event, found: &Remembered) -> bool {
    found.via != Via::OrderId || session::may_be_one_browser(event, &found.session, found.address.as_deref())
}

/// Takes back what was allowed for events whose visitors have said no since. Gives which events that changed.
pub(crate) async fn withdraw(
    store: &Arc<Store>,
    site: &str,
    events: &mut [&mut Event],
) -> Result<Vec<bool>, StoreError> {
    let found = known(store, site, events).await?;
    let withdrawn = events.iter_mut().zip(found).map(|(event, known)| {
        let session = known.session.as_ref().filter(|found| is_believed(event, found));
        let may = |found: &&Arc<Remembered>| session::may_take_back(event, found.via);
        let withdrawn = session.filter(may).is_some_and(|found| session::withdraw(event, &found.session));
        heed(event, session, known.refusal.as_ref()) || withdrawn
    });
    Ok(withdrawn.collect())
}

/// What the store knows that an event did not bring.
struct Known {
    session: Option<Arc<Remembered>>,
    /// What the buyer allowed when the order was placed.
    with_order: Option<Consent>,
    /// A page's no to the order, told with nobody's name.
    refusal: Option<Consent>,
}

/// What is looked for.
struct Asked {
    clues: Clues,
    /// The order, and while the event has no word of its own, the one it grew out of.
    orders: Vec<String>,
    parent: Option<String>,
}

impl Asked {
    fn of(event: &Event) -> Self {
        let parent = event.parent_order_id.clone();
        let older = parent.iter().filter(|_| !event.consent.has_choice());
        let orders = event.order_id.iter().chain(older).cloned().collect();
        Self { clues: session::clues(event), orders, parent }
    }

    /// What was allowed for the orders, as far as it is kept.
    fn with_order(&self, store: &Store, site: &str) -> Result<Option<Consent>, StoreError> {
        let orders: Vec<&str> = self.orders.iter().map(String::as_str).collect();
        if orders.is_empty() { Ok(None) } else { store.order_consent(site, &orders) }
    }
}

async fn known(store: &Arc<Store>, site: &str, events: &[&mut Event]) -> Result<Vec<Known>, StoreError> {
    let asked: Vec<Asked> = events.iter().map(|event| Asked::of(event)).collect();
    let (store, site) = (store.clone(), site.to_owned());
    let found = tokio::task::spawn_blocking(move || look_up(&store, &site, asked));
    found.await.map_err(|e| StoreError::Database(e.to_string()))?
}

fn add(event: &mut Event, found: &Remembered, rules: &Rules, now_ms: i64) {
    // An address that is handed on lives as long again: only one that is fresh.
    let fresh = now_ms - found.session.last_ms < ADDRESS_FRESH_MS;
    let address = found.address.as_deref().filter(|_| fresh);
    session::join(event, &found.session, found.via, address, rules, now_ms);
    // Whatever else names the order later, this is who it was joined to.
    if event.session_id.is_none() && found.via == Via::OrderId {
        event.session_id = Some(found.visitor.clone());
        event
            .supplied
            .insert("session_id".to_owned(), Supply { via: Some(found.via), ..Supply::of("session") });
    }
    if !found.session.is_refused() {
        name_visitor(event, &found.visitor);
    }
}

/// The page's half names the visitor so; the same person on both sides.
fn name_visitor(event: &mut Event, visitor: &str) {
    let id = IdHashes::of(visitor);
    if event.user.external_id.iter().all(|known| known.sha256 != id.sha256) {
        event.user.external_id.push(id);
    }
}

/// The events of one request mostly share their clues.
fn look_up(store: &Store, site: &str, asked: Vec<Asked>) -> Result<Vec<Known>, StoreError> {
    let mut known: HashMap<Clues, Option<Arc<Remembered>>> = HashMap::new();
    let mut found = Vec::with_capacity(asked.len());
    for asked in asked {
        let with_order = asked.with_order(store, site)?;
        let Asked { clues: clue, parent, .. } = asked;
        let refusal = match &clue.order_id {
            Some(order_id) => store.refusal_of_order(site, order_id)?,
            None => None,
        };
        let mut session = match known.get(&clue) {
            Some(remembered) => remembered.clone(),
            None => {
                let remembered = store.session(site, &clue)?.map(Arc::new);
                known.insert(clue, remembered.clone());
                remembered
            }
        };
        if let (None, Some(parent)) = (&session, parent) {
            let clues = Clues { order_id: Some(parent), ..Clues::default() };
            session = store.session(site, &clues)?.map(Arc::new);
        }
        found.push(Known { session, with_order, refusal });
    }
    Ok(found)
}

/// A touch for the store.
pub(crate) fn new_touch(site: &str, touch: Touch) -> NewTouch {
    NewTouch { site: site.to_owned(), touch }
}
