//! Work for the cores that no client brought: what starts a component has to run where the component's instances live.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

/// Errands on their way to one core. Whoever has more waits.
const QUEUE_ERRANDS_MAX: usize = 64;

pub(crate) type Errand = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs work on cores. Cheap to clone.
#[derive(Clone)]
pub struct Errands(Arc<[mpsc::Sender<Errand>]>);

/// The core is gone, or the work did not come to its end there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the core takes no more work")]
pub struct Gone;

/// The two ends for so many cores.
pub(crate) fn errands(cores: usize) -> (Errands, Vec<mpsc::Receiver<Errand>>) {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..cores).map(|_| mpsc::channel(QUEUE_ERRANDS_MAX)).unzip();
    (Errands(senders.into()), receivers)
}

impl Errands {
    /// How many cores there are.
    pub fn cores(&self) -> usize {
        self.0.len()
    }

    /// Runs work on a core and waits for what comes of it. Once it is there it goes on, whether or not anybody waits: it is
    /// drained with the requests of that core.
    ///
    /// # Errors
    /// [`Gone`], when the host ends first.
    ///
    /// # Panics
    /// When there is no such core.
    pub async fn run<T: Send + 'static>(
        &self,
        core: usize,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Gone> {
        let (done, outcome) = oneshot::channel();
        let errand = async move { drop(done.send(work.await)) };
        let sent = self.0[core].send(Box::pin(errand)).await;
        sent.map_err(|_| Gone)?;
        outcome.await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_core_that_is_gone_takes_no_work() {
        let (errands, queues) = errands(1);
        drop(queues);
        assert_eq!(errands.run(0, async { 1 }).await, Err(Gone));
    }

    #[tokio::test]
    async fn work_that_a_core_drops_came_to_no_end() {
        let (errands, mut queues) = errands(1);
        let core = async {
            let errand = queues[0].recv().await;
            drop(errand.expect("there is work"));
        };
        let (outcome, ()) = tokio::join!(errands.run(0, async { 1 }), core);
        assert_eq!(outcome, Err(Gone));
    }

    #[tokio::test]
    async fn work_is_done_by_the_core_that_was_asked() {
        let (errands, mut queues) = errands(2);
        assert_eq!(errands.cores(), 2);
        let core = async {
            let errand = queues[1].recv().await;
            errand.expect("there is work").await;
        };
        let (outcome, ()) = tokio::join!(errands.run(1, async { 7 }), core);
        assert_eq!(outcome, Ok(7));
        assert!(queues[0].try_recv().is_err());
    }
}
