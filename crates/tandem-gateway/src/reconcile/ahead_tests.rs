use std::sync::atomic::{AtomicI64, Ordering};

use tandem_core::Site;
use tandem_core::reconcile::DAY_MS;
use tandem_store::{Options, Store};

use super::*;
use crate::reconcile::Reading;
use crate::{Clock, Limits, SiteSetup};

/// 22 Nov 2026, 14:03 UTC.
const NOW_MS: i64 = 1_795_356_189_120;

/// A clock that stands still until somebody moves it: an age is never chance.
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Rig {
    _folder: tempfile::TempDir,
    clock: Arc<Hands>,
    gateway: Arc<Gateway>,
}

fn setups(sites: &[&str]) -> Vec<SiteSetup> {
    let platform = tandem_destinations::platform("tiktok").unwrap();
    let setup = |id: &&str| SiteSetup {
        site: Site { id: (*id).to_owned(), ..Site::default() },
        sources: vec![],
        destinations: vec![(platform.configure)(&(platform.placeholder)()).unwrap().into()],
    };
    sites.iter().map(setup).collect()
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(Options::new(folder.path().join("t.db"))).unwrap());
        let clock = Arc::new(Hands(AtomicI64::new(NOW_MS)));
        let sites = setups(&["shop", "other"]);
        let gateway = Gateway::new(sites, store, clock.clone(), Limits::default()).await.unwrap();
        Self { _folder: folder, clock, gateway: Arc::new(gateway) }
    }

    fn pass(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    async fn look(&self, fresh: bool) -> Compared {
        self.gateway.compared("shop", None, fresh).await.unwrap()
    }

    /// Orders of which the page would tell.
    async fn told(&self) -> Vec<String> {
        let differences = &self.look(false).await.comparison.report.differences;
        differences.iter().filter_map(|one| one.order_id.clone()).collect()
    }

    async fn import(&self, rows: &str) {
        let list = format!("id,date,status,total\n{rows}").into_bytes();
        self.gateway.import_orders("shop", list, &Reading::default()).await.unwrap();
    }

    /// Keeps a comparison of now that took so long.
    async fn keep_slow(&self, took_ms: i64) {
        let window = Window::new("shop", None);
        let (making, _teller) = self.gateway.comparisons.join(&window);
        let report = self.gateway.reconcile("shop", None, None).await.unwrap();
        let made_ms = self.gateway.clock.now_ms();
        let made = Ok(Arc::new(Comparison { report, behind: 0, made_ms, took_ms }));
        self.gateway.comparisons.landed(&window, &making, &made);
    }

    fn made(&self) -> u64 {
        self.gateway.comparisons_made()
    }
}

#[tokio::test]
async fn a_kept_comparison_is_served_and_a_fresh_one_is_made() {
    let rig = Rig::new().await;
    let first = rig.look(false).await;
    let again = rig.look(false).await;
    assert!(Arc::ptr_eq(&first.comparison, &again.comparison) && !again.is_renewed);
    assert_eq!(rig.made(), 1);
    let fresh = rig.look(true).await;
    assert!(!Arc::ptr_eq(&first.comparison, &fresh.comparison));
    assert_eq!(rig.made(), 2);
    assert!(Arc::ptr_eq(&fresh.comparison, &rig.look(false).await.comparison));
    // No number of days and the usual one are one window; another number is another.
    rig.gateway.compared("shop", Some(14), false).await.unwrap();
    assert_eq!(rig.made(), 2);
    rig.gateway.compared("shop", Some(7), false).await.unwrap();
    assert_eq!(rig.made(), 3);
    // What programs ask for is neither kept nor served from what is.
    rig.gateway.reconcile("shop", None, None).await.unwrap();
    assert_eq!(rig.made(), 3);
    assert!(matches!(rig.gateway.compared("nobody", None, false).await, Err(Error::NoSite)));
}

#[tokio::test]
async fn whoever_brings_a_list_sees_it() {
    let rig = Rig::new().await;
    assert_eq!(rig.told().await, [""; 0]);
    rig.import("5,2026-11-22,processing,49.00\n").await;
    assert_eq!(rig.told().await, ["5"]);
    rig.import("6,2026-11-22,processing,49.00\n").await;
    assert_eq!(rig.told().await, ["5", "6"]);
    assert_eq!(rig.made(), 3);

    let platform_days = |compared: Compared| -> usize {
        compared.comparison.report.days.iter().map(|day| day.platform.len()).sum()
    };
    assert_eq!(platform_days(rig.look(false).await), 0);
    let report = b"Date,Event name,Total events\n2026-11-19,Complete Payment,2\n".to_vec();
    rig.gateway.import_platform("shop", "tiktok", report, &Reading::default()).await.unwrap();
    assert_eq!(platform_days(rig.look(false).await), 1);
    // A list of another shop's is none of this one's.
    assert_eq!(rig.made(), 4);
    let list = b"id,date\n7,2026-11-22\n".to_vec();
    rig.gateway.import_orders("other", list, &Reading::default()).await.unwrap();
    rig.look(false).await;
    assert_eq!(rig.made(), 4);
}

#[tokio::test]
async fn a_platform_that_cannot_be_asked_makes_nothing_forgotten() {
    let rig = Rig::new().await;
    rig.look(false).await;
    let today = NOW_MS.div_euclid(DAY_MS);
    let http = crate::transport::Http::new().unwrap();
    let sites = rig.gateway.sites();
    let lane = &sites.get("shop").unwrap().lanes[0];
    // It would otherwise happen at every look at the clock.
    let asked =
        super::super::fetch::ask(&rig.gateway, &http, "shop", &*lane.destination, (today, today)).await;
    assert_eq!(asked, Ok(0));
    rig.look(false).await;
    assert_eq!(rig.made(), 1);
}

#[tokio::test]
async fn sites_that_are_set_up_anew_are_compared_anew() {
    let rig = Rig::new().await;
    rig.look(false).await;
    rig.gateway.replace_sites(setups(&["shop"])).await.unwrap();
    rig.look(false).await;
    assert_eq!(rig.made(), 2);
}

#[tokio::test]
async fn a_slow_comparison_is_shown_while_a_newer_one_is_made_once() {
    let rig = Rig::new().await;
    rig.keep_slow(4_000).await;
    assert_eq!(rig.made(), 1);
    rig.pass(200_000);
    assert!(!rig.look(false).await.is_renewed);
    rig.pass(1);
    // Nothing can be made meanwhile.
    let places = rig.gateway.comparisons.places.acquire_many(2).await.unwrap();
    for _ in 0..3 {
        let shown = rig.look(false).await;
        assert_eq!((shown.comparison.made_ms, shown.is_renewed), (NOW_MS, true));
    }
    tokio::task::yield_now().await;
    assert_eq!(rig.made(), 1);
    drop(places);
    // Who wants a fresh one joins what is under way.
    assert_eq!(rig.look(true).await.comparison.made_ms, NOW_MS + 200_001);
    assert_eq!(rig.made(), 2);
    assert_eq!(rig.look(false).await.comparison.made_ms, NOW_MS + 200_001);
}

#[tokio::test]
async fn nothing_older_than_an_hour_is_shown() {
    let rig = Rig::new().await;
    for took_ms in [1, 4_000, 600_000] {
        rig.keep_slow(took_ms).await;
        rig.pass(OLDEST_MS + 1);
        let shown = rig.look(false).await;
        assert_eq!((shown.comparison.made_ms, shown.is_renewed), (rig.gateway.clock.now_ms(), false));
    }
}

#[tokio::test]
async fn an_import_is_not_covered_up_by_what_looked_before_it() {
    let rig = Rig::new().await;
    rig.keep_slow(4_000).await;
    rig.pass(200_001);
    assert!(rig.look(false).await.is_renewed);
    rig.import("5,2026-11-22,processing,49.00\n").await;
    assert_eq!(rig.told().await, ["5"]);
}

#[tokio::test]
async fn every_site_is_compared_ahead_once() {
    let rig = Rig::new().await;
    let mut last = HashMap::new();
    round(&rig.gateway, &mut last).await;
    assert_eq!((rig.made(), last.len()), (2, 2));
    round(&rig.gateway, &mut last).await;
    rig.look(false).await;
    assert_eq!(rig.made(), 2);
    // A busy one again when it becomes old, and soon after it was forgotten.
    rig.keep_slow(4_000).await;
    rig.pass(OLDEST_MS - EARLY_MS);
    round(&rig.gateway, &mut last).await;
    assert_eq!(last["shop"].made_ms, rig.gateway.clock.now_ms());
    last.insert("shop".to_owned(), Last { took_ms: 4_000, ..last["shop"] });
    rig.gateway.comparisons.forget("shop");
    rig.pass(200_001);
    round(&rig.gateway, &mut last).await;
    assert_eq!(last["shop"].made_ms, rig.gateway.clock.now_ms());
    rig.gateway.replace_sites(setups(&["other"])).await.unwrap();
    round(&rig.gateway, &mut last).await;
    assert_eq!(last.keys().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn only_what_somebody_would_wait_for_is_made_ahead_again() {
    let last = |age_ms, took_ms| Some(Last { made_ms: NOW_MS - age_ms, took_ms });
    for (last, is_kept, expected) in [
        (None, false, true),
        (last(OLDEST_MS, 99), true, false),
        (last(OLDEST_MS, 99), false, false),
        (last(0, 100), true, false),
        (last(OLDEST_MS - EARLY_MS - 1, 100), true, false),
        (last(OLDEST_MS - EARLY_MS, 100), true, true),
        // The clock was set back.
        (last(-1, 100), true, true),
        (last(200_000, 4_000), false, false),
        (last(200_001, 4_000), false, true),
    ] {
        assert_eq!(is_due(NOW_MS, last, is_kept), expected, "{last:?} {is_kept}");
    }
}
