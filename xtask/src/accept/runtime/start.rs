//! A second start of 200 components compiles nothing and answers within a second.

use std::time::Duration;

use super::copies::{self, Copies};
use crate::accept::Shown;
use crate::load::Ask;
use crate::stage::Stage;

const COUNT: usize = 200;
const ANSWER_MAX: Duration = Duration::from_secs(1);

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let copies = Copies::written(stage, COUNT)?;
    copies.forget()?;
    let cold = first_answer(stage, &copies)?;
    let again = first_answer(stage, &copies)?;
    Ok(Shown {
        passed: again < ANSWER_MAX,
        figure: format!(
            "{COUNT} components: first answer {} ms after a second start, {:.1} s after the first, which compiled them",
            again.as_millis(),
            cold.as_secs_f64()
        ),
    })
}

fn first_answer(stage: &Stage, copies: &Copies) -> anyhow::Result<Duration> {
    let host = copies.serve(stage)?;
    Ask::get(copies::path(COUNT - 1)).once(host.address())?;
    let age = host.age();
    host.stop()?;
    Ok(age)
}
