//! What a shopper's browser does, in real browsers: Chromium, Firefox and WebKitGTK, each driven through its WebDriver
//! server against pages that [`front::Front`] serves.
//!
//! A test is a function that takes a [`Kind`]; the table at the end makes one test of it for each browser, so that
//! `chromium::` filters all tests of one browser. The pages of the inspector are checked in Chromium alone. `./test`
//! installs what is needed; a browser that is missing is a failure, never a skipped test.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "../demo/mod.rs"]
mod child;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../shop/mod.rs"]
mod orders;
#[path = "../port/mod.rs"]
mod port;
#[path = "../program/mod.rs"]
mod program;

#[path = "../scenarios/stage/mod.rs"]
mod stage;

mod browser;
mod driver;
mod front;
mod leash;

mod shop;

mod consent;
mod demo;
mod hybrid;
mod inspector;
mod proof;

use driver::Kind;

/// Makes `chromium::MODULE::TEST` and so on of `MODULE::TEST`. A function that is not in the table is dead code, which
/// the lints refuse.
macro_rules! in_every_browser {
    (@one $browser:ident $kind:ident $($module:ident: $($test:ident),+;)+) => {
        mod $browser {
            $(mod $module {
                $(#[test]
                fn $test() {
                    crate::$module::$test(crate::Kind::$kind);
                })+
            })+
        }
    };
    ($($table:tt)+) => {
        in_every_browser!(@one chromium Chromium $($table)+);
        in_every_browser!(@one firefox Firefox $($table)+);
        in_every_browser!(@one webkit WebKit $($table)+);
    };
}

in_every_browser! {
    consent:
        cookies_that_are_there_before,
        a_cookie_of_shopify,
        a_tool_of_the_iab_that_has_not_spoken,
        cookies_that_change,
        answers_that_are_there_before,
        answers_that_come_later,
        a_yes_on_the_third_page_and_an_order,
        the_order_of_a_visitor_who_refused,
        a_yes_taken_back_while_the_platform_is_away,
        a_forged_yes,
        a_blocked_script_and_an_order_that_says_no,
        a_blocked_intake_and_a_visitor_who_refuses,
        where_the_visitor_is,
        statistics_without_advertising,
        anonymous_events_of_who_refused,
        a_no_in_another_tab;
    demo:
        one_purchase_arrives_twice_and_counts_once,
        a_buyer_who_stays_at_the_bank_counts_all_the_same,
        without_an_answer_neither_half_is_sent,
        a_buyer_who_declines_is_reported_by_neither_half,
        a_yes_that_is_taken_back_stops_both_halves;
    hybrid:
        the_whole_way_counts_once,
        a_blocked_pixel_leaves_the_server_half,
        a_blocked_script_loses_no_sale,
        cookies_of_answers_outlive_the_seven_days,
        a_click_id_survives_a_page_that_tidies_its_address,
        a_click_id_survives_a_redirect_by_the_page,
        a_click_id_that_no_page_saw_is_missing_and_nothing_else,
        a_bank_and_another_address,
        a_tab_closed_at_once_after_paying,
        reload_and_back_count_nothing_twice,
        two_tabs_are_one_visitor,
        pages_without_loads_are_pages,
        a_strict_policy_and_a_checked_file,
        a_page_out_of_a_cache_names_nobody,
        what_could_not_be_told_is_told_by_the_next_page,
        without_consent_nothing_happens,
        a_respected_blocker_stops_everything,
        a_gateway_on_a_subdomain;
    proof:
        a_page_is_read_clicked_and_filled,
        tabs_history_and_reload,
        another_user_agent,
        cookies_of_a_fetch_are_seen,
        secure_cookies_are_kept_over_tls,
        what_is_sent_on_leaving_arrives,
        what_is_sent_on_closing_arrives,
        a_blocked_path_fails,
        a_strict_policy_holds,
        an_upstream_sees_the_shopper,
        nothing_outlives_a_panic;
}
