//! Which of the events that are due share a request.

use tandem_destinations::{Definition, Mapped};

/// Groups within the platform's limits, each of events that may share a request.
pub(super) fn grouped<T>(ready: Vec<T>, limits: &Definition, mapped: impl Fn(&T) -> &Mapped) -> Vec<Vec<T>> {
    let mut groups = Vec::<(usize, Vec<T>)>::new();
    for one in ready {
        let size = mapped(&one).json.len() + 1;
        let fits = |(bytes, group): &&mut (usize, Vec<T>)| {
            group.len() < limits.max_batch
                && *bytes + size <= limits.max_bytes
                && group.first().is_some_and(|first| mapped(first).around == mapped(&one).around)
        };
        match groups.iter_mut().rev().find(fits) {
            Some((bytes, group)) => {
                *bytes += size;
                group.push(one);
            }
            None => groups.push((size, vec![one])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_with_the_same_surroundings_share_a_request() {
        let limits = Definition {
            max_batch: 2,
            max_bytes: 10,
            ..tandem_destinations::PLATFORMS.first().map(|p| p.definition.clone()).unwrap()
        };
        let event = |json: &str, around: &str| Mapped { around: around.into(), ..Mapped::of(json.into()) };
        let all = vec![
            event("1", "ada"),
            event("2", "bob"),
            event("3", "ada"),
            event("4", "ada"),
            event("123456789", "bob"),
            event("5", "ada"),
        ];
        let groups = grouped(all, &limits, |one| one);
        let shown: Vec<String> = groups
            .iter()
            .map(|group| group.iter().map(|m| m.json.as_str()).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(shown, ["1 3", "2", "4 5", "123456789"]);
    }
}
