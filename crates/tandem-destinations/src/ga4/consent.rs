//! `consent`: whether Google may use the event for advertising.

use serde::Serialize;
use tandem_core::Event;
use tandem_core::consent::{Purpose, Status};
use tandem_core::identity::MatchKeys;

/// One word for both of Google's questions, since consent tools ask one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Word {
    Granted,
    Denied,
}

#[derive(Serialize)]
pub(super) struct Consent {
    ad_user_data: Word,
    ad_personalization: Word,
}

impl Consent {
    pub(super) fn of(word: Word) -> Self {
        Self { ad_user_data: word, ad_personalization: word }
    }
}

/// What the visitor said of advertising. `None` where nobody was asked and the law asks for nothing. Limited data use is a
/// no: Google's word for opting out of sale is the same.
pub(super) fn word(event: &Event, limited_data_use: bool) -> Option<Word> {
    if limited_data_use || event.limited_data_use {
        return Some(Word::Denied);
    }
    let consent = &event.consent;
    match consent.advertising {
        Status::Granted if !consent.by_default.contains(&Purpose::Advertising) => Some(Word::Granted),
        Status::Denied if !consent.by_default.contains(&Purpose::Advertising) => Some(Word::Denied),
        // The gate took away what names the visitor, so advertising is not allowed.
        _ if names_nobody(&event.user) => Some(Word::Denied),
        _ => None,
    }
}

fn names_nobody(user: &MatchKeys) -> bool {
    let mut rest = user.clone();
    rest.click_ids.forget_analytics();
    rest.is_empty()
}
