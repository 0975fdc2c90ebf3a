//! What a landing page's address says of the ad that led there, and whether the ad's click id is missing.
//!
//! The rule is ours: a `utm_source` that names the platform, and a `utm_medium` that says the click was paid for. A referrer
//! alone says nothing, since visitors from a profile or a shared link have no click id.

use url::Url;

use super::clicks::percent_decode;
use crate::identity::ClickIds;

/// A platform whose ads always carry a click id.
pub(crate) struct Network {
    /// For people.
    pub(crate) title: &'static str,
    /// Parameter of its click id.
    pub(crate) parameter: &'static str,
    /// What people write into `utm_source` for it, without case and separators.
    sources: &'static [&'static str],
    /// The ids in which its click may stand.
    ids: &'static [&'static str],
}

const NETWORKS: &[Network] = &[
    Network {
        title: "TikTok",
        parameter: "ttclid",
        sources: &["tiktok", "tiktokads", "tiktokad"],
        ids: &["ttclid"],
    },
    Network {
        title: "Meta",
        parameter: "fbclid",
        sources: &["facebook", "facebookads", "fb", "fbads", "instagram", "ig", "meta", "metaads"],
        ids: &["fbclid", "fbc"],
    },
];

/// What people write into `utm_medium` for clicks they pay for, without case and separators. `social` and `referral` are
/// used for posts, too.
const PAID: &[&str] =
    &["ad", "ads", "cpa", "cpc", "cpm", "cpv", "paid", "paidad", "paidads", "paidsocial", "ppc"];

/// The platform whose paid ad led to this page, if the page is the first one of the visit and the ad's click id is not there.
pub(crate) fn stripped(url: &str, referrer: Option<&str>, ids: &ClickIds) -> Option<&'static Network> {
    let (_, query) = url.split_once('?')?;
    let parameter = |name: &str| {
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        values.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| folded(value))
    };
    let (source, medium) = (parameter("utm_source")?, parameter("utm_medium")?);
    let network = NETWORKS.iter().find(|network| network.sources.contains(&source.as_str()))?;
    let has_click = ids.iter().any(|(name, _)| network.ids.contains(&name));
    (PAID.contains(&medium.as_str()) && !has_click && is_landing(url, referrer)).then_some(network)
}

/// Within the shop, an address may carry its campaign along and leave the click id behind: only where the visitor comes from
/// elsewhere was the click id there to be kept.
fn is_landing(url: &str, referrer: Option<&str>) -> bool {
    let Some(referrer) = referrer.filter(|referrer| !referrer.is_empty()) else { return true };
    let host = |address: &str| Url::parse(address).ok()?.host_str().map(str::to_owned);
    let (Some(page), Some(from)) = (host(url), host(referrer)) else { return false };
    // A shop's checkout or blog is often a subdomain of it, or the other way round.
    let within = |inner: &str, outer: &str| {
        inner.strip_suffix(outer).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    let (page, from) = (bare(&page), bare(&from));
    !within(&page, &from) && !within(&from, &page)
}

/// `Paid%20Social` and `paid_social` are `paidsocial`.
fn folded(value: &str) -> String {
    let decoded = percent_decode(value).unwrap_or_default();
    decoded.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paid_visit_without_its_click_id_is_told_from_others() {
        const ADDRESS: &str = "https://shop.example/";
        let cases = [
            ("?utm_source=tiktok&utm_medium=paid", None, Some("TikTok")),
            ("?utm_source=TikTok_Ads&utm_medium=Paid%20Social", None, Some("TikTok")),
            ("?utm_source=tiktok&utm_medium=cpc", Some("https://www.tiktok.com/"), Some("TikTok")),
            ("?utm_source=facebook&utm_medium=cpc", None, Some("Meta")),
            ("?utm_source=ig&utm_medium=paid-social", None, Some("Meta")),
            // Posts, other platforms, no word on money, no campaign.
            ("?utm_source=tiktok&utm_medium=social", None, None),
            ("?utm_source=tiktok", None, None),
            ("?utm_source=google&utm_medium=cpc", None, None),
            ("?utm_medium=paid", None, None),
            ("", Some("https://www.tiktok.com/"), None),
            // Not the first page.
            ("?utm_source=tiktok&utm_medium=paid", Some("https://www.shop.example/sale"), None),
            ("?utm_source=tiktok&utm_medium=paid", Some("https://blog.shop.example/"), None),
            ("?utm_source=tiktok&utm_medium=paid", Some("https://myshop.example/"), Some("TikTok")),
        ];
        for (query, referrer, expected) in cases {
            let url = [ADDRESS, query].concat();
            let network = stripped(&url, referrer, &ClickIds::default());
            assert_eq!(network.map(|n| n.title), expected, "{query} {referrer:?}");
        }
    }

    #[test]
    fn the_click_may_stand_in_any_of_its_ids() {
        let url = "https://shop.example/?utm_source=fb&utm_medium=cpc";
        let fbc = ClickIds { fbc: Some("fb.1.1.x".into()), ..ClickIds::default() };
        let other = ClickIds { ttclid: Some("E.C.P".into()), ..ClickIds::default() };
        assert!(stripped(url, None, &fbc).is_none());
        assert!(stripped(url, None, &other).is_some());
    }
}
