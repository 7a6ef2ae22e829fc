//! What the runtime promised: how fast it is beside others, and what neighbours, overload, time and numbers do to it.
//! One module per point.

mod copies;
mod density;
mod hello;
mod hog;
mod overload;
mod soak;
mod start;

use super::{Point, Scale, Tally};
use crate::abi::Abi;
use crate::stage::{Profile, Stage};

const POINTS: [Point<Stage>; 15] = [
    Point {
        name: "hello-0.2",
        show: |stage| hello::show(stage, &hello::P2),
    },
    Point {
        name: "hello-0.2-reused",
        show: |stage| hello::show(stage, &hello::P2_REUSED),
    },
    Point {
        name: "hello-0.3",
        show: |stage| hello::show(stage, &hello::P3),
    },
    Point {
        name: "hog-cpu-0.2",
        show: |stage| hog::show(stage, &hog::CPU, Abi::P2),
    },
    Point {
        name: "hog-cpu-0.3",
        show: |stage| hog::show(stage, &hog::CPU, Abi::P3),
    },
    Point {
        name: "hog-memory-0.2",
        show: |stage| hog::show(stage, &hog::MEMORY, Abi::P2),
    },
    Point {
        name: "hog-memory-0.3",
        show: |stage| hog::show(stage, &hog::MEMORY, Abi::P3),
    },
    Point {
        name: "hog-log-0.2",
        show: |stage| hog::show(stage, &hog::LOG, Abi::P2),
    },
    Point {
        name: "hog-log-0.3",
        show: |stage| hog::show(stage, &hog::LOG, Abi::P3),
    },
    Point {
        name: "hog-sockets-0.2",
        show: |stage| hog::show(stage, &hog::SOCKETS, Abi::P2),
    },
    Point {
        name: "hog-sockets-0.3",
        show: |stage| hog::show(stage, &hog::SOCKETS, Abi::P3),
    },
    Point {
        name: "overload",
        show: overload::show,
    },
    Point {
        name: "soak",
        show: soak::show,
    },
    Point {
        name: "start-200",
        show: start::show,
    },
    Point {
        name: "density",
        show: density::show,
    },
];

/// Runs the list.
pub(super) fn run(scale: Scale, only: Option<&str>) -> Tally {
    super::show(&POINTS, &Stage::set(scale, Profile::Dist), only)
}
