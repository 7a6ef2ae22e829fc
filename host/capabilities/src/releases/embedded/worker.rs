//! A thread that runs jobs on something it owns, one after the other.

use std::{io, thread};

use tokio::sync::{mpsc, oneshot};

use crate::releases::Error;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The way to a thread, which ends when the last of them is dropped and its queue is empty.
pub(super) struct Worker<S>(mpsc::Sender<Job<S>>);

impl<S> Clone for Worker<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Send + 'static> Worker<S> {
    /// Starts a thread for which at most `jobs_max` jobs wait; more wait in their callers.
    pub(super) fn spawn(name: &str, jobs_max: usize, mut state: S) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job<S>>(jobs_max);
        thread::Builder::new().name(name.into()).spawn(move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut state);
            }
        })?;
        Ok(Self(jobs))
    }

    /// Waits for a job. One whose caller has given up meanwhile is not begun.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (job, answer) = answered(work);
        self.0.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// As [`Self::run`], for a caller that is a thread itself.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (job, answer) = answered(work);
        self.0.blocking_send(job).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())?
    }
}

type Answer<T> = oneshot::Receiver<Result<T, Error>>;

/// A job that answers. An answer that finds nobody is dropped on the thread, with all it owns.
fn answered<S: 'static, T: Send + 'static>(
    work: impl FnOnce(&mut S) -> Result<T, Error> + Send + 'static,
) -> (Job<S>, Answer<T>) {
    let (reply, answer) = oneshot::channel();
    let job = move |state: &mut S| {
        if !reply.is_closed() {
            drop(reply.send(work(state)));
        }
    };
    (Box::new(job), answer)
}

/// A thread that is gone has panicked, which says why.
pub(super) fn gone() -> Error {
    Error::Unavailable("a thread of the release history is gone".into())
}
