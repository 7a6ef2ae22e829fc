//! Which names a guest looked up, and the addresses that were found: a manifest that allows a name allows those.

use std::collections::VecDeque;
use std::net::IpAddr;

/// Addresses that one instance is known to have looked up. The oldest go first: who connects has usually just looked up.
const REMEMBERED_MAX: usize = 256;

/// What one instance has looked up.
#[derive(Default)]
pub(super) struct Names(VecDeque<(IpAddr, String)>);

impl Names {
    /// Remembers what a name stands for.
    pub(super) fn remember(&mut self, name: &str, found: &[IpAddr]) {
        for address in found {
            self.0.retain(|(known, of)| known != address || of != name);
            self.0.push_back((*address, name.to_owned()));
        }
        let over = self.0.len().saturating_sub(REMEMBERED_MAX);
        self.0.drain(..over);
    }

    /// The names that were found to stand for an address.
    pub(super) fn of(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        let known = self.0.iter();
        let known = known.filter(move |(known, _)| *known == address);
        known.map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_what_is_looked_up_again_is_young() {
        let address = |n: u8| IpAddr::from([10, 0, 0, n]);
        let mut names = Names::default();
        names.remember("a", &[address(1), address(2)]);
        for n in 0..REMEMBERED_MAX - 1 {
            names.remember(&format!("n{n}"), &[address(3)]);
        }
        assert_eq!(names.of(address(1)).count(), 0);
        names.remember("a", &[address(2)]);
        names.remember("b", &[address(2)]);
        assert_eq!(names.of(address(2)).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(names.0.len(), REMEMBERED_MAX);
    }
}
