//! What the floor promised: see the last list of its issue. One module per point.

mod fresh_clone;
mod hello;
mod import_large;
mod import_real;
mod kill;
mod misbehaving;
mod second_start;

use super::{Point, Scale, Tally};
use crate::abi::Abi;
use crate::stage::{Profile, Stage};

const POINTS: [Point<Stage>; 9] = [
    Point {
        name: "fresh-clone",
        show: fresh_clone::show,
    },
    Point {
        name: "import-real",
        show: import_real::show,
    },
    Point {
        name: "import-large",
        show: import_large::show,
    },
    Point {
        name: "kill-9",
        show: kill::show,
    },
    Point {
        name: "misbehaving-0.2",
        show: |stage| misbehaving::show(stage, Abi::P2),
    },
    Point {
        name: "misbehaving-0.3",
        show: |stage| misbehaving::show(stage, Abi::P3),
    },
    Point {
        name: "second-start",
        show: second_start::show,
    },
    Point {
        name: "hello-0.2",
        show: |stage| hello::show(stage, Abi::P2),
    },
    Point {
        name: "hello-0.3",
        show: |stage| hello::show(stage, Abi::P3),
    },
];

/// Runs the list.
pub(super) fn run(scale: Scale, only: Option<&str>) -> Tally {
    super::show(&POINTS, &Stage::set(scale, Profile::Release), only)
}
