//! Matches digits against the patterns of the numbering plans.
//!
//! The patterns use little of what regular expressions offer: digits, classes, groups, alternatives and bounded
//! repetition. Walking the text of a pattern once, with the set of all positions reached so far, needs neither
//! compilation nor backtracking nor a cache. A plan is used by few numbers in a row, so compiling its patterns
//! costs far more than matching them.

/// Positions are bits of a word, so subjects must be shorter than that.
pub(super) const MAX_SUBJECT: usize = 30;

/// Whether the pattern matches all of the digits.
pub(super) fn is_full(pattern: &str, digits: &str) -> bool {
    digits.len() <= MAX_SUBJECT && run(pattern, digits, Positions(1)).0 & (1 << digits.len()) != 0
}

/// Whether the pattern matches some beginning of the digits.
pub(super) fn is_prefix(pattern: &str, digits: &str) -> bool {
    digits.len() <= MAX_SUBJECT && run(pattern, digits, Positions(1)).0 != 0
}

/// The longest beginning of the digits that the pattern matches.
pub(super) fn prefix(pattern: &str, digits: &str) -> Option<Prefix> {
    let threads = run(pattern, digits, Threads(vec![Prefix::default()])).0;
    threads.into_iter().max_by_key(|thread| thread.end)
}

/// A beginning that matched.
#[derive(Clone, Copy, Default)]
pub(super) struct Prefix {
    /// Where it ends.
    pub(super) end: usize,
    /// The first two groups, where they took part.
    groups: [Option<(usize, usize)>; 2],
    opened: [usize; 2],
}

impl Prefix {
    /// What the group of this number, from one, matched.
    pub(super) fn group<'a>(&self, number: usize, digits: &'a str) -> Option<&'a str> {
        let (from, to) = (*self.groups.get(number.checked_sub(1)?)?)?;
        digits.get(from..to)
    }
}

/// Where a match may go on.
trait State: Clone {
    fn none() -> Self;
    fn is_none(&self) -> bool;
    fn step(&self, accepts: impl Fn(usize) -> bool) -> Self;
    fn only_at(&mut self, end: usize);
    fn join(&mut self, other: Self);
    fn open(&mut self, group: usize);
    fn close(&mut self, group: usize);
}

#[derive(Clone)]
struct Positions(u32);

impl State for Positions {
    fn none() -> Self {
        Self(0)
    }

    fn is_none(&self) -> bool {
        self.0 == 0
    }

    fn step(&self, accepts: impl Fn(usize) -> bool) -> Self {
        let (mut left, mut reached) = (self.0, 0);
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left - 1;
            if accepts(at as usize) {
                reached |= 2 << at;
            }
        }
        Self(reached)
    }

    fn only_at(&mut self, end: usize) {
        self.0 &= 1 << end;
    }

    fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn open(&mut self, _: usize) {}

    fn close(&mut self, _: usize) {}
}

#[derive(Clone)]
struct Threads(Vec<Prefix>);

impl State for Threads {
    fn none() -> Self {
        Self(Vec::new())
    }

    fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    fn step(&self, accepts: impl Fn(usize) -> bool) -> Self {
        let going = self.0.iter().filter(|thread| accepts(thread.end));
        Self(going.map(|thread| Prefix { end: thread.end + 1, ..*thread }).collect())
    }

    fn only_at(&mut self, end: usize) {
        self.0.retain(|thread| thread.end == end);
    }

    fn join(&mut self, other: Self) {
        for thread in other.0 {
            if !self.0.iter().any(|known| known.end == thread.end) {
                self.0.push(thread);
            }
        }
    }

    fn open(&mut self, group: usize) {
        for thread in &mut self.0 {
            if let Some(opened) = thread.opened.get_mut(group) {
                *opened = thread.end;
            }
        }
    }

    fn close(&mut self, group: usize) {
        for thread in &mut self.0 {
            if let (Some(slot), Some(opened)) = (thread.groups.get_mut(group), thread.opened.get(group)) {
                *slot = Some((*opened, thread.end));
            }
        }
    }
}

fn run<S: State>(pattern: &str, digits: &str, start: S) -> S {
    let mut walk = Walk { pattern: pattern.as_bytes(), at: 0, digits: digits.as_bytes(), groups: 0 };
    let end = walk.alternatives(&start);
    // Something in the pattern that is not understood matches nothing.
    if walk.at == walk.pattern.len() { end } else { S::none() }
}

struct Walk<'a> {
    pattern: &'a [u8],
    at: usize,
    digits: &'a [u8],
    groups: usize,
}

impl Walk<'_> {
    fn alternatives<S: State>(&mut self, start: &S) -> S {
        let mut reached = self.sequence(start.clone());
        while self.eat(b'|') {
            reached.join(self.sequence(start.clone()));
        }
        reached
    }

    fn sequence<S: State>(&mut self, mut state: S) -> S {
        while !matches!(self.peek(), None | Some(b'|' | b')')) {
            if state.is_none() {
                self.skip_sequence();
                return state;
            }
            match self.repeated(&state) {
                Some(next) => state = next,
                None => return S::none(),
            }
        }
        state
    }

    /// Goes to the end of a sequence that can match nothing any more.
    fn skip_sequence(&mut self) {
        let mut depth = 0;
        while let Some(&byte) = self.pattern.get(self.at) {
            match byte {
                b'(' => {
                    depth += 1;
                    self.groups += usize::from(self.pattern.get(self.at + 1) != Some(&b'?'));
                }
                b')' | b'|' if depth == 0 => return,
                b')' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// One atom with its quantifier; `None` if it is not understood.
    fn repeated<S: State>(&mut self, state: &S) -> Option<S> {
        let (begin, first_group) = (self.at, self.groups);
        let mut reached = self.atom(state)?;
        let (min, max) = self.quantifier()?;
        if (min, max) == (1, 1) {
            return Some(reached);
        }
        let (end, groups) = (self.at, self.groups);
        let mut all = if min == 0 { state.clone() } else { S::none() };
        for count in 1..=max {
            if count > 1 {
                (self.at, self.groups) = (begin, first_group);
                reached = self.atom(&reached)?;
            }
            if count >= min {
                all.join(reached.clone());
            }
        }
        (self.at, self.groups) = (end, groups);
        Some(all)
    }

    fn atom<S: State>(&mut self, state: &S) -> Option<S> {
        match self.next()? {
            b'(' if self.eat(b'?') => {
                if !self.eat(b':') {
                    return None;
                }
                let inside = self.alternatives(state);
                self.eat(b')').then_some(inside)
            }
            b'(' => {
                let group = self.groups;
                self.groups += 1;
                let mut state = state.clone();
                state.open(group);
                let mut inside = self.alternatives(&state);
                inside.close(group);
                self.eat(b')').then_some(inside)
            }
            b'[' => {
                let class = self.class()?;
                Some(self.step(state, class))
            }
            b'\\' if self.eat(b'd') => Some(self.step(state, 0x3ff)),
            b'$' => {
                let mut state = state.clone();
                state.only_at(self.digits.len());
                Some(state)
            }
            digit @ b'0'..=b'9' => Some(self.step(state, 1 << (digit - b'0'))),
            _ => None,
        }
    }

    /// The digits of a class such as `[1-35]`, as bits; its opening bracket has been read.
    fn class(&mut self) -> Option<u16> {
        let mut class = 0;
        let mut last = None;
        loop {
            match (self.next()?, last) {
                (b']', _) => return Some(class),
                (b'-', Some(from)) => {
                    let to = self.next().filter(u8::is_ascii_digit)?;
                    for digit in from..=to {
                        class |= 1 << (digit - b'0');
                    }
                    last = None;
                }
                (digit @ b'0'..=b'9', _) => {
                    class |= 1 << (digit - b'0');
                    last = Some(digit);
                }
                _ => return None,
            }
        }
    }

    fn step<S: State>(&self, state: &S, class: u16) -> S {
        state.step(|at| self.digits.get(at).is_some_and(|digit| class & (1 << (digit - b'0')) != 0))
    }

    fn quantifier(&mut self) -> Option<(usize, usize)> {
        if self.eat(b'?') {
            return Some((0, 1));
        }
        if !self.eat(b'{') {
            return Some((1, 1));
        }
        let min = self.number()?;
        let max = if self.eat(b',') { self.number()? } else { min };
        self.eat(b'}').then_some((min, max))
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            self.at += 1;
            number = Some(number.unwrap_or(0) * 10 + usize::from(digit - b'0'));
        }
        number.filter(|number| *number <= MAX_SUBJECT)
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while self.pattern.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.pattern.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_matches() {
        let pattern = "1(?:5[0-25-9]\\d|6[023])\n \\d{2,3}|49";
        for yes in ["1501234", "160123", "49", "15012345"] {
            assert!(is_full(pattern, &yes[..yes.len().min(7)]), "{yes}");
        }
        for no in ["15", "153123", "1601", "4", "490", ""] {
            assert!(!is_full(pattern, no), "{no}");
        }
        assert!(is_prefix(pattern, "4912"));
        assert!(!is_full("a", "1"), "what is not understood matches nothing");
        assert!(!is_full("(?=1)1", "1"));
    }

    #[test]
    fn prefixes_and_groups() {
        let pattern = "0?(?:(11|2(?:2|3)\\d)15)?";
        let found = prefix(pattern, "0111523456789").expect("matches");
        assert_eq!((found.end, found.group(1, "0111523456789")), (5, Some("11")));
        let found = prefix(pattern, "01123456789").expect("matches");
        assert_eq!((found.end, found.group(1, "01123456789")), (1, None));
        assert!(prefix("([2-7]\\d{6})$|1", "23456789").is_none(), "anchored at the end");
    }
}
