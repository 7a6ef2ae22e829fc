//! What hot deploy promised: that releases replace each other under load, are tried on a share of clients, survive
//! `kill -9`, reach a fleet, and are refused with words. One module per point.

mod admin;
mod application;
mod canary;
mod fleet;
mod guests;
mod kill;
mod neighbours;
mod products;
mod refusals;
mod release;
mod said;
mod speed;
mod thousand;
mod wait;
mod watch;

use super::{Point, Scale, Tally};
use crate::stage::{Profile, Stage};

const POINTS: [Point<Stage>; 8] = [
    Point {
        name: "thousand",
        show: thousand::show,
    },
    Point {
        name: "speed",
        show: speed::show,
    },
    Point {
        name: "neighbours",
        show: neighbours::show,
    },
    Point {
        name: "canary",
        show: canary::show,
    },
    Point {
        name: "kill-9",
        show: kill::show,
    },
    Point {
        name: "fleet",
        show: fleet::show,
    },
    Point {
        name: "refusals",
        show: refusals::show,
    },
    Point {
        name: "watch",
        show: watch::show,
    },
];

/// Runs the list.
pub(super) fn run(scale: Scale, only: Option<&str>) -> Tally {
    super::show(&POINTS, &Stage::set(scale, Profile::Release), only)
}
