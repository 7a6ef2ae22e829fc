//! What the capabilities promised on the embedded default: that they conform, keep what they acknowledge, refuse what
//! was not granted, find what is looked for, and cost little. One module per point.

mod conformance;
mod escapes;
mod kill;
mod last_50;
mod overhead;
mod picture;
mod portable;
mod power;
mod search;
mod shelf;

use super::{Point, Scale, Tally};
use crate::stage::{Profile, Stage};

const POINTS: [Point<Stage>; 8] = [
    Point {
        name: "conformance",
        show: conformance::show,
    },
    Point {
        name: "last-50",
        show: last_50::show,
    },
    Point {
        name: "kill-9",
        show: kill::show,
    },
    Point {
        name: "power",
        show: power::show,
    },
    Point {
        name: "escapes",
        show: escapes::show,
    },
    Point {
        name: "search",
        show: search::show,
    },
    Point {
        name: "overhead",
        show: overhead::show,
    },
    Point {
        name: "portable",
        show: portable::show,
    },
];

/// Runs the list.
pub(super) fn run(scale: Scale, only: Option<&str>) -> Tally {
    super::show(&POINTS, &Stage::set(scale, Profile::Release), only)
}
