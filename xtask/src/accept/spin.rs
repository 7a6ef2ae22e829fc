//! What Spin in both directions promised: that its applications run here unchanged, and that ours runs on it, as far as
//! that can be seen without Spin itself. One module per point.

mod conformance;
mod doctor;
mod interfaces;
mod languages;
mod portable;
mod refusals;
mod sdks;
mod valid;

use super::{Point, Scale, Tally};
use crate::stage::{Profile, Stage};

const POINTS: [Point<Stage>; 8] = [
    Point {
        name: "interfaces",
        show: interfaces::show,
    },
    Point {
        name: "sdks",
        show: sdks::show,
    },
    Point {
        name: "javascript-python",
        show: languages::show,
    },
    Point {
        name: "portable",
        show: portable::show,
    },
    Point {
        name: "conformance",
        show: conformance::show,
    },
    Point {
        name: "refusals",
        show: refusals::show,
    },
    Point {
        name: "doctor",
        show: doctor::show,
    },
    Point {
        name: "spin-valid",
        show: valid::show,
    },
];

/// Runs the list.
pub(super) fn run(scale: Scale, only: Option<&str>) -> Tally {
    super::show(&POINTS, &Stage::set(scale, Profile::Release), only)
}
