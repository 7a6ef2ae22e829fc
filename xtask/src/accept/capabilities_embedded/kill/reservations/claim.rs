//! A reservation as its client knows it.

use anyhow::bail;

use crate::accept::capabilities_embedded::shelf::End;
use crate::accept::shop::losses::Losses;
use crate::http::Response;

/// How far a reservation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Absent,
    Held,
    Ended,
}

/// What was sent and what was acknowledged of a reservation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) quantity: u64,
    /// How it is to end; `None` if it is to stay.
    pub(super) end: Option<End>,
    pub(super) sent: Step,
    pub(super) acknowledged: Step,
}

impl Claim {
    /// One that is about to be made. Those that follow each other differ.
    pub(super) fn sent(number: usize) -> Self {
        Self {
            quantity: 1 + number as u64 % 5,
            end: [None, Some(End::Confirm), Some(End::Release)][number % 3],
            sent: Step::Held,
            acknowledged: Step::Absent,
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.acknowledged == Step::Held
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.acknowledged == Step::Ended && self.end == Some(End::Confirm)
    }

    /// Holds it against the answer to whoever asked for it, which from here on is known.
    pub(super) fn settle(
        &mut self,
        sku: &str,
        answer: &Response,
        losses: &mut Losses,
    ) -> anyhow::Result<()> {
        match self.seen(answer)? {
            Some(step) if step < self.acknowledged => {
                losses.note_lost(format!("{sku}: {self:?}, but it is {step:?}"));
            }
            Some(step) if step <= self.sent => self.set(step),
            _ => losses.note_broken(format!("{sku}: {self:?}, but there is {}", answer.shown())),
        }
        Ok(())
    }

    fn set(&mut self, step: Step) {
        (self.sent, self.acknowledged) = (step, step);
    }

    /// How far it has come; `None` if it is not what its client made.
    fn seen(&self, answer: &Response) -> anyhow::Result<Option<Step>> {
        match answer.status() {
            404 => return Ok(Some(Step::Absent)),
            200 => {}
            _ => bail!("a reservation was answered with {}", answer.shown()),
        }
        let body = answer.json()?;
        if body["quantity"].as_u64() != Some(self.quantity) {
            return Ok(None);
        }
        let ended = self.end.map(End::state);
        Ok(match body["state"].as_str() {
            Some("held") => Some(Step::Held),
            state if state.is_some() && state == ended => Some(Step::Ended),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is found of a reservation of two pieces that is on its way to be confirmed, and acknowledged so far.
    fn found(acknowledged: Step, status: u16, state: &str, quantity: u64) -> (usize, usize) {
        let mut claim = Claim {
            sent: Step::Ended,
            acknowledged,
            ..Claim::sent(1)
        };
        let body = json!({"quantity": quantity, "state": state});
        let answer = Response::of(status, body.to_string());
        let mut losses = Losses::default();
        let settled = claim.settle("R", &answer, &mut losses);
        settled.expect("it is an answer");
        losses.counts()
    }

    #[test]
    fn the_acknowledged_step_and_a_later_one_that_was_sent_are_right() {
        assert_eq!(found(Step::Held, 200, "held", 2), (0, 0));
        assert_eq!(found(Step::Held, 200, "confirmed", 2), (0, 0));
        assert_eq!(found(Step::Absent, 404, "", 2), (0, 0));
    }

    #[test]
    fn an_earlier_step_is_lost() {
        assert_eq!(found(Step::Ended, 200, "held", 2), (1, 0));
        assert_eq!(found(Step::Held, 404, "", 2), (1, 0));
    }

    #[test]
    fn another_end_and_another_quantity_are_half_written() {
        assert_eq!(found(Step::Held, 200, "released", 2), (0, 1));
        assert_eq!(found(Step::Held, 200, "expired", 2), (0, 1));
        assert_eq!(found(Step::Held, 200, "held", 3), (0, 1));
    }

    #[test]
    fn what_was_seen_is_not_lost_later() {
        let mut claim = Claim::sent(1);
        let mut losses = Losses::default();
        for (status, state) in [(200, "held"), (404, "")] {
            let body = json!({"quantity": 2, "state": state}).to_string();
            let answer = Response::of(status, body);
            claim.settle("R", &answer, &mut losses).expect("an answer");
        }
        assert_eq!(losses.counts(), (1, 0));
    }
}
