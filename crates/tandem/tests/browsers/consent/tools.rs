//! Consent tools as pages have them: what they write into cookies, the objects they put into the page, their events. Ids,
//! stamps and tokens are invented.

/// One tool in the three states that a visitor can leave it in, each as the script that brings it about.
pub(super) struct Tool {
    /// Of its own here.
    pub(super) id: &'static str,
    /// On record.
    pub(super) name: &'static str,
    /// Reason on record of what is sent after a yes.
    pub(super) sends: &'static str,
    /// What it has in the page's head, ahead of our script.
    pub(super) stub: &'static str,
    pub(super) unknown: String,
    pub(super) denied: String,
    pub(super) granted: String,
    /// How it tells the page that something has changed; nothing where it does not.
    pub(super) change: &'static str,
}

/// Ids that no record of ours may hold: of visitors, of consents.
pub(super) const IDS: [&str; 7] = [
    "ZmFrZWlkMTIz",
    "Yx2fakeStampA",
    "6f1c0000-0000",
    "AAAA-BBBB",
    "axtoken-77",
    "didomi-user-1974",
    "borlabs-uid-5",
];

type Pairs = &'static [(&'static str, &'static str)];

fn set(pairs: Pairs) -> String {
    pairs.iter().map(|(name, value)| format!("document.cookie = `{name}={value}; Path=/`;")).collect()
}

fn by_cookies(name: &'static str, change: &'static str, [unknown, denied, granted]: [Pairs; 3]) -> Tool {
    let [unknown, denied, granted] = [unknown, denied, granted].map(set);
    Tool { id: name, name, sends: name, stub: "", unknown, denied, granted, change }
}

/// Tools that can be read by their cookies, in the formats that they write today.
pub(super) fn with_cookies() -> Vec<Tool> {
    let axeptio = by_cookies(
        "axeptio",
        "(window._axcb || []).forEach(run => run({on: (name, call) => name === 'cookies:complete' && call({})}))",
        [
            &[(
                "axeptio_cookies",
                "%7B%22%24%24token%22%3A%22axtoken-77%22%2C%22%24%24date%22%3A%222026-06-06T07%3A58%3A21.000Z%22%2C%22%24%24cookiesVersion%22%3A%7B%22name%22%3A%22shop-en%22%2C%22identifier%22%3A%22x%22%7D%2C%22%24%24completed%22%3Afalse%2C%22tiktok%22%3Afalse%7D",
            )],
            &[
                (
                    "axeptio_cookies",
                    "%7B%22%24%24token%22%3A%22axtoken-77%22%2C%22%24%24date%22%3A%222026-06-06T07%3A58%3A21.000Z%22%2C%22%24%24cookiesVersion%22%3A%7B%22name%22%3A%22shop-en%22%2C%22identifier%22%3A%22x%22%7D%2C%22%24%24completed%22%3Atrue%2C%22facebook_pixel%22%3Atrue%2C%22tiktok%22%3Afalse%7D",
                ),
                ("axeptio_authorized_vendors", "%2Cfacebook_pixel%2C"),
            ],
            &[
                (
                    "axeptio_cookies",
                    "%7B%22%24%24token%22%3A%22axtoken-77%22%2C%22%24%24date%22%3A%222026-06-06T07%3A58%3A21.000Z%22%2C%22%24%24cookiesVersion%22%3A%7B%22name%22%3A%22shop-en%22%2C%22identifier%22%3A%22x%22%7D%2C%22%24%24completed%22%3Atrue%2C%22facebook_pixel%22%3Afalse%2C%22tiktok%22%3Atrue%7D",
                ),
                ("axeptio_authorized_vendors", "%2Ctiktok%2C"),
            ],
        ],
    );
    vec![
        by_cookies(
            "wp_consent_api",
            "document.dispatchEvent(new CustomEvent('wp_listen_for_consent_change', {detail: {marketing: 'changed'}}))",
            [
                &[],
                &[
                    ("wp_consent_marketing", "deny"),
                    ("wp_consent_statistics", "deny"),
                    ("wp_consent_functional", "allow"),
                ],
                &[
                    ("wp_consent_marketing", "allow"),
                    ("wp_consent_statistics", "allow"),
                    ("wp_consent_functional", "allow"),
                ],
            ],
        ),
        by_cookies(
            "complianz",
            "document.dispatchEvent(new CustomEvent('cmplz_status_change', {detail: {category: 'marketing', region: 'eu'}}))",
            [
                &[("cmplz_functional", "allow"), ("cmplz_banner-status", "show")],
                &[
                    ("cmplz_marketing", "deny"),
                    ("cmplz_statistics", "deny"),
                    ("cmplz_preferences", "deny"),
                    ("cmplz_functional", "allow"),
                    ("cmplz_banner-status", "dismissed"),
                ],
                &[
                    ("cmplz_marketing", "allow"),
                    ("cmplz_statistics", "deny"),
                    ("cmplz_preferences", "deny"),
                    ("cmplz_functional", "allow"),
                    ("cmplz_banner-status", "dismissed"),
                ],
            ],
        ),
        by_cookies(
            "cookieyes",
            "document.dispatchEvent(new CustomEvent('cookieyes_consent_update', {detail: {accepted: [], rejected: []}}))",
            [
                &[(
                    "cookieyes-consent",
                    "consentid:ZmFrZWlkMTIz,consent:,action:,necessary:yes,functional:,analytics:,performance:,advertisement:,other:",
                )],
                &[(
                    "cookieyes-consent",
                    "consentid:ZmFrZWlkMTIz,consent:yes,action:yes,necessary:yes,functional:yes,analytics:yes,performance:yes,advertisement:no,other:no",
                )],
                &[(
                    "cookieyes-consent",
                    "consentid%3AZmFrZWlkMTIz%2Cconsent%3Ayes%2Caction%3Ayes%2Cnecessary%3Ayes%2Cfunctional%3Ayes%2Canalytics%3Ayes%2Cperformance%3Ayes%2Cadvertisement%3Ayes%2Cother%3Ano",
                )],
            ],
        ),
        by_cookies(
            "cookieyes_legacy",
            "",
            [
                &[
                    ("cookielawinfo-checkbox-advertisement", "yes"),
                    ("cookielawinfo-checkbox-analytics", "yes"),
                ],
                &[
                    ("cookielawinfo-checkbox-advertisement", "no"),
                    ("cookielawinfo-checkbox-analytics", "no"),
                    ("viewed_cookie_policy", "yes"),
                ],
                &[
                    ("cookielawinfo-checkbox-advertisement", "yes"),
                    ("cookielawinfo-checkbox-analytics", "no"),
                    ("viewed_cookie_policy", "yes"),
                ],
            ],
        ),
        by_cookies(
            "cookiebot",
            "dispatchEvent(new Event('CookiebotOnConsentReady')); dispatchEvent(new Event('CookiebotOnAccept'))",
            [
                &[(
                    "CookieConsent",
                    "{stamp:%27Yx2fakeStampA==%27%2Cnecessary:true%2Cpreferences:true%2Cstatistics:true%2Cmarketing:true%2Cmethod:%27implied%27%2Cver:1%2Cutc:1749196701069%2Cregion:%27de%27}",
                )],
                &[(
                    "CookieConsent",
                    "{stamp:%27Yx2fakeStampA==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:true%2Cmarketing:false%2Cmethod:%27explicit%27%2Cver:1%2Cutc:1749196701069%2Cregion:%27de%27}",
                )],
                &[(
                    "CookieConsent",
                    "{stamp:%27Yx2fakeStampA==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:true%2Cmarketing:true%2Cmethod:%27explicit%27%2Cver:1%2Cutc:1749196701069%2Cregion:%27de%27}",
                )],
            ],
        ),
        by_cookies(
            "onetrust",
            "dispatchEvent(new CustomEvent('OneTrustGroupsUpdated', {detail: ['C0001']}))",
            [
                &[(
                    "OptanonConsent",
                    "isGpcEnabled=0&datestamp=Fri+Jun+06+2025+09%3A58%3A21+GMT%2B0200&version=202503.1.0&browserGpcFlag=0&isIABGlobal=false&hosts=&consentId=6f1c0000-0000-4000-8000-000000000000&interactionCount=0&landingPath=NotLandingPage&groups=C0001%3A1%2CC0002%3A1%2CC0003%3A1%2CC0004%3A1%2CC0005%3A0&geolocation=AT%3B9&AwaitingReconsent=false",
                )],
                &[
                    (
                        "OptanonConsent",
                        "isGpcEnabled=0&datestamp=Fri+Jun+06+2025+09%3A58%3A21+GMT%2B0200&version=202503.1.0&browserGpcFlag=0&isIABGlobal=false&hosts=&consentId=6f1c0000-0000-4000-8000-000000000000&interactionCount=1&landingPath=NotLandingPage&groups=C0001%3A1%2CC0002%3A1%2CC0003%3A1%2CC0004%3A0%2CC0005%3A0&geolocation=AT%3B9&AwaitingReconsent=false",
                    ),
                    ("OptanonAlertBoxClosed", "2025-06-06T07:58:21.000Z"),
                ],
                &[
                    (
                        "OptanonConsent",
                        "isGpcEnabled=0&datestamp=Fri+Jun+06+2025+09%3A58%3A21+GMT%2B0200&version=202503.1.0&browserGpcFlag=0&isIABGlobal=false&hosts=&consentId=6f1c0000-0000-4000-8000-000000000000&interactionCount=1&landingPath=NotLandingPage&groups=C0001%3A1%2CC0002%3A1%2CC0003%3A1%2CC0004%3A1%2CC0005%3A0&geolocation=AT%3B9&AwaitingReconsent=false",
                    ),
                    ("OptanonAlertBoxClosed", "2025-06-06T07:58:21.000Z"),
                ],
            ],
        ),
        by_cookies(
            "borlabs",
            "document.dispatchEvent(new CustomEvent('borlabs-cookie-consent-saved'))",
            [
                &[],
                &[(
                    "borlabs-cookie",
                    "%7B%22consents%22%3A%7B%22essential%22%3A%5B%22borlabs-cookie%22%5D%7D%2C%22domainPath%22%3A%22shop.example/%22%2C%22uid%22%3A%22borlabs-uid-5%22%2C%22version%22%3A1%7D",
                )],
                &[(
                    "borlabs-cookie",
                    "%257B%2522consents%2522%253A%257B%2522essential%2522%253A%255B%2522borlabs-cookie%2522%255D%252C%2522statistics%2522%253A%255B%2522google-analytics%2522%255D%252C%2522marketing%2522%253A%255B%2522facebook-pixel%2522%252C%2522tiktok-pixel%2522%255D%257D%252C%2522domainPath%2522%253A%2522shop.example/%2522%252C%2522uid%2522%253A%2522borlabs-uid-5%2522%252C%2522version%2522%253A1%257D",
                )],
            ],
        ),
        by_cookies(
            "didomi",
            "(window.didomiEventListeners || []).forEach(one => one.event === 'consent.changed' && one.listener({}))",
            [
                &[],
                &[(
                    "didomi_token",
                    "eyJ1c2VyX2lkIjoiZGlkb21pLXVzZXItMTk3NCIsImNyZWF0ZWQiOiIyMDI1LTA2LTA2VDA3OjU4OjIxLjAwMFoiLCJ1cGRhdGVkIjoiMjAyNS0wNi0wNlQwNzo1ODoyMS4wMDBaIiwidmVuZG9ycyI6eyJlbmFibGVkIjpbXSwiZGlzYWJsZWQiOlsiYzpmYWNlYm9vayIsImM6dGlrdG9rLUtaQVVRTFo5Il19LCJwdXJwb3NlcyI6eyJlbmFibGVkIjpbXSwiZGlzYWJsZWQiOlsiY29va2llcyIsImFkdmVydGlzaW5nIl19LCJ2ZXJzaW9uIjoyfQ==",
                )],
                &[(
                    "didomi_token",
                    "eyJ1c2VyX2lkIjoiZGlkb21pLXVzZXItMTk3NCIsImNyZWF0ZWQiOiIyMDI1LTA2LTA2VDA3OjU4OjIxLjAwMFoiLCJ1cGRhdGVkIjoiMjAyNS0wNi0wNlQwNzo1ODoyMS4wMDBaIiwidmVuZG9ycyI6eyJlbmFibGVkIjpbImM6ZmFjZWJvb2siLCJjOnRpa3Rvay1LWkFVUUxaOSJdLCJkaXNhYmxlZCI6W119LCJwdXJwb3NlcyI6eyJlbmFibGVkIjpbImNvb2tpZXMiLCJhZHZlcnRpc2luZyJdLCJkaXNhYmxlZCI6W119LCJ2ZXJzaW9uIjoyfQ==",
                )],
            ],
        ),
        Tool { sends: "vendor_granted", ..axeptio },
    ]
}

pub(super) fn shopify() -> Tool {
    by_cookies(
        "shopify",
        "document.dispatchEvent(new CustomEvent('visitorConsentCollected', {detail: {}}))",
        [
            &[(
                "_tracking_consent",
                "%7B%22con%22%3A%7B%22CMP%22%3A%7B%22a%22%3A%22%22%2C%22m%22%3A%22%22%2C%22p%22%3A%22%22%2C%22s%22%3A%22%22%7D%7D%2C%22v%22%3A%222.1%22%2C%22region%22%3A%22DEBY%22%2C%22reg%22%3A%22GDPR%22%2C%22purposes%22%3A%7B%22a%22%3Afalse%2C%22p%22%3Afalse%2C%22m%22%3Afalse%2C%22t%22%3Atrue%7D%2C%22display_banner%22%3Atrue%2C%22sale_of_data_region%22%3Afalse%2C%22consent_id%22%3A%22AAAA-BBBB%22%7D",
            )],
            &[(
                "_tracking_consent",
                "%7B%22con%22%3A%7B%22CMP%22%3A%7B%22a%22%3A%220%22%2C%22m%22%3A%220%22%2C%22p%22%3A%220%22%2C%22s%22%3A%22%22%7D%7D%2C%22v%22%3A%222.1%22%2C%22region%22%3A%22DEBY%22%2C%22reg%22%3A%22GDPR%22%2C%22purposes%22%3A%7B%22a%22%3Afalse%2C%22p%22%3Afalse%2C%22m%22%3Afalse%2C%22t%22%3Atrue%7D%2C%22display_banner%22%3Afalse%2C%22sale_of_data_region%22%3Afalse%2C%22consent_id%22%3A%22AAAA-BBBB%22%7D",
            )],
            &[(
                "_tracking_consent",
                "%7B%22con%22%3A%7B%22CMP%22%3A%7B%22a%22%3A%221%22%2C%22m%22%3A%221%22%2C%22p%22%3A%221%22%2C%22s%22%3A%22%22%7D%7D%2C%22v%22%3A%222.1%22%2C%22region%22%3A%22DEBY%22%2C%22reg%22%3A%22GDPR%22%2C%22purposes%22%3A%7B%22a%22%3Atrue%2C%22p%22%3Atrue%2C%22m%22%3Atrue%2C%22t%22%3Atrue%7D%2C%22display_banner%22%3Afalse%2C%22sale_of_data_region%22%3Afalse%2C%22consent_id%22%3A%22AAAA-BBBB%22%7D",
            )],
        ],
    )
}

/// The cookie that most tools keep the TC string in; those that have an API say it there, too.
pub(super) fn tcf_cookie() -> Tool {
    by_cookies(
        "tcf",
        "",
        [
            // Cut short: no string.
            &[("euconsent-v2", "CP1R2oAP1R2oAEsABBDE")],
            &[("euconsent-v2", "CP1R2oAP1R2oAEsABBDEB4FgAAAAAELAAAYgAAQAALzgAgLzAAA.IF5wAQF5gA")],
            &[("euconsent-v2", "CP1R2oAP1R2oAEsABBDEB4FgAPLAAAAAAAYgGMwAgF5gMZAACAAAAA.IGMwAgF5gMZA")],
        ],
    )
}

fn by_page(
    id: &'static str,
    name: &'static str,
    stub: &'static str,
    api: &str,
    change: &'static str,
) -> Tool {
    let [unknown, denied, granted] =
        ["undefined", "false", "true"].map(|answer| format!("window.answer = {answer}; {api};"));
    Tool { id, name, sends: name, stub, unknown, denied, granted, change }
}

/// Tools that answer by what they put into the page; each in the form its maker documents, as far as we ask for it.
pub(super) fn with_an_api() -> Vec<Tool> {
    let cookie = tcf_cookie();
    let tcf = by_page("tcf", "tcf", TCF, TCF, "tcfListeners.forEach(call => call(tcfData(), true))");
    vec![
        by_page(
            "usercentrics-2",
            "usercentrics",
            "",
            "window.UC_UI = {isInitialized: () => true, getServicesBaseInfo: () => [
                {id: 'a1', name: 'TikTok Pixel', categorySlug: 'marketing', consent: {status: !!answer, history: [
                    {action: 'onInitialPageLoad', type: 'implicit', status: false, timestamp: 1},
                    ...(answer === undefined ? [] : [{action: 'onUpdateServices', type: 'explicit', status: answer, timestamp: 2}])]}},
                {id: 'b2', name: 'Usercentrics Consent Management Platform', categorySlug: 'essential',
                    consent: {status: true, history: [{action: 'onInitialPageLoad', type: 'implicit', status: true, timestamp: 1}]}}]}",
            "dispatchEvent(new CustomEvent('UC_UI_CMP_EVENT', {detail: {source: 'FIRST_LAYER', type: answer ? 'ACCEPT_ALL' : 'DENY_ALL'}}))",
        ),
        by_page(
            "usercentrics-3",
            "usercentrics",
            "",
            "{ const type = answer === undefined ? 'IMPLICIT' : 'EXPLICIT';
              window.__ucCmp = {isInitialized: async () => true, getConsentDetails: async () => ({
                consent: {type, status: answer ? 'ALL_ACCEPTED' : 'ALL_DENIED', required: true},
                services: {
                    a1: {name: 'TikTok Pixel', category: 'marketing', essential: false, consent: {given: !!answer, type}},
                    b2: {name: 'Usercentrics CMP', category: 'essential', essential: true, consent: {given: true, type: 'IMPLICIT'}}}})} }",
            "dispatchEvent(new CustomEvent('UC_UI_CMP_EVENT', {detail: {source: 'FIRST_LAYER', type: answer ? 'ACCEPT_ALL' : 'DENY_ALL'}}))",
        ),
        // Its stub stands in every page's head ahead of all others.
        Tool {
            unknown: cookie.unknown + &tcf.unknown,
            denied: cookie.denied + &tcf.denied,
            granted: cookie.granted + &tcf.granted,
            ..tcf
        },
        by_page(
            "didomi",
            "didomi",
            "",
            "{ const ids = ['cookies', 'advertising'], yes = list => answer ? list : [], no = list => answer === false ? list : [];
              window.Didomi = {getUserStatus: () => ({user_id: 'didomi-user-1974',
                purposes: {global: {enabled: [], disabled: []}, consent: {enabled: yes(ids), disabled: no(ids)}, legitimate_interest: {enabled: [], disabled: []}},
                vendors: {global: {enabled: [], disabled: []}, consent: {enabled: yes(['c:tiktok-KZAUQLZ9']), disabled: no(['c:tiktok-KZAUQLZ9'])}, legitimate_interest: {enabled: [], disabled: []}}})} }",
            "(window.didomiEventListeners || []).forEach(one => one.event === 'consent.changed' && one.listener({}))",
        ),
        by_page(
            "consent_mode",
            "consent_mode",
            "",
            "{ window.gtag = window.gtag || function () { dataLayer.push(arguments) };
              const state = word => ({ad_storage: word, ad_user_data: word, ad_personalization: word, analytics_storage: word});
              if (!window.hasPresets) gtag('consent', 'default', {...state('denied'), wait_for_update: 500});
              window.hasPresets = true;
              if (answer !== undefined) gtag('consent', 'update', state(answer ? 'granted' : 'denied')) }",
            "void 0",
        ),
    ]
}

const TCF: &str = "window.tcfListeners = window.tcfListeners || [];
    window.tcfData = () => ({tcString: '', tcfPolicyVersion: 5, cmpId: 28, cmpVersion: 1, gdprApplies: true, listenerId: 1,
        eventStatus: window.answer === undefined ? 'cmpuishown' : 'useractioncomplete', cmpStatus: 'loaded', isServiceSpecific: true,
        purpose: {consents: window.answer ? {1: true, 2: true, 3: true, 4: true, 7: true, 9: true, 10: true} : {}, legitimateInterests: {2: true}},
        vendor: {consents: {}, legitimateInterests: {}}, publisher: {restrictions: {}}});
    window.__tcfapi = window.__tcfapi || ((command, version, call) => {
        if (command === 'addEventListener') { tcfListeners.push(call); call(tcfData(), true) }
    })";
