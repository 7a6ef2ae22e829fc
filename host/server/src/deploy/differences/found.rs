//! Where differences are put as they are found, and how they are worded, so that all of them read alike.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use stoa_manifest::ComponentId;

use super::{Difference, Direction};

/// What is found of one component, or of the application as a whole.
pub(super) struct Scope<'f> {
    list: &'f mut Vec<Difference>,
    component: Option<&'f ComponentId>,
    /// There was no such component before.
    new: bool,
}

/// What a bound counts: one of it, and several.
#[derive(Clone, Copy)]
pub(super) struct Unit(&'static str, &'static str);

pub(super) const BYTES: Unit = Unit("byte", "bytes");
pub(super) const CALLS: Unit = Unit("call a second", "calls a second");
pub(super) const SECONDS: Unit = Unit("second", "seconds");

// === impl Scope ===

impl<'f> Scope<'f> {
    pub(super) fn of(list: &'f mut Vec<Difference>, component: Option<&'f ComponentId>) -> Self {
        Self {
            list,
            component,
            new: false,
        }
    }

    /// Of a new component only its powers are told.
    pub(super) fn of_new(list: &'f mut Vec<Difference>, component: &'f ComponentId) -> Self {
        Self {
            list,
            component: Some(component),
            new: true,
        }
    }

    /// It may do something that it might not: `write to …`.
    pub(super) fn gained(&mut self, power: impl Display) {
        self.wider(format_args!("may {power}"));
    }

    /// It may not do something that it might.
    pub(super) fn lost(&mut self, power: impl Display) {
        self.narrower(format_args!("no longer may {power}"));
    }

    pub(super) fn wider(&mut self, clause: impl Display) {
        let what = match self.new {
            true => format!("is new and {clause}"),
            false => clause.to_string(),
        };
        self.add(Direction::Wider, what);
    }

    pub(super) fn narrower(&mut self, clause: impl Display) {
        if !self.new {
            self.add(Direction::Narrower, clause.to_string());
        }
    }

    pub(super) fn other(&mut self, clause: impl Display) {
        if !self.new {
            self.add(Direction::Other, clause.to_string());
        }
    }

    /// Of two lists whose order says nothing, what is in one of them only.
    pub(super) fn sets(&mut self, old: &[String], new: &[String], power: impl Fn(&str) -> String) {
        let (old, new): (BTreeSet<&String>, BTreeSet<&String>) =
            (old.iter().collect(), new.iter().collect());
        for name in new.difference(&old) {
            self.gained(power(name));
        }
        for name in old.difference(&new) {
            self.lost(power(name));
        }
    }

    /// Of two bounds, which is higher; `None` is none at all. `power` is worded with an amount: `keep 3 bytes in …`.
    pub(super) fn bounds(
        &mut self,
        old: Option<u64>,
        new: Option<u64>,
        unit: Unit,
        power: impl Fn(&str) -> String,
    ) {
        let height = |bound: Option<u64>| (bound.is_none(), bound);
        match height(old).cmp(&height(new)) {
            std::cmp::Ordering::Less => {
                let power = power(&unit.of(new));
                self.gained(format_args!("{power}, not only {}", unit.of(old)));
            }
            std::cmp::Ordering::Greater => self.lost(power(&format!("more than {}", unit.of(new)))),
            std::cmp::Ordering::Equal => {}
        }
    }

    fn add(&mut self, direction: Direction, what: String) {
        self.list.push(Difference {
            direction,
            component: self.component.map(ToString::to_string),
            what,
        });
    }
}

// === impl Unit ===

impl Unit {
    fn of(self, amount: Option<u64>) -> String {
        let Self(one, several) = self;
        match amount {
            None => format!("any number of {several}"),
            Some(1) => format!("1 {one}"),
            Some(amount) => format!("{amount} {several}"),
        }
    }
}

// === functions ===

/// What both maps hold, by key and in its order.
pub(super) fn pairs<'a, K: Ord, V>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> Vec<(&'a K, Option<&'a V>, Option<&'a V>)> {
    let keys: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    keys.into_iter()
        .map(|key| (key, old.get(key), new.get(key)))
        .collect()
}

/// A text of the manifest among words; it moves no terminal's cursor.
pub(super) fn quoted(text: &str) -> String {
    let visible = |c: char| match c.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    let text: String = text.chars().map(visible).collect();
    format!("`{text}`")
}

/// Several of them, sorted.
pub(super) fn listed<'t>(texts: impl IntoIterator<Item = &'t String>) -> String {
    let texts: BTreeSet<&String> = texts.into_iter().collect();
    let texts: Vec<String> = texts.into_iter().map(|text| quoted(text)).collect();
    texts.join(", ")
}
