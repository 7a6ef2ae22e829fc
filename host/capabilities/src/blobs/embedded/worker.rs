//! A thread that runs jobs on something it owns, one after the other.

use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::failure::Failure;
use crate::blobs::Error;

/// Jobs that may wait for one thread; more wait in their callers, under their deadline.
const QUEUE_JOBS_MAX: usize = 1024;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The way to a thread, which ends when the last of them is dropped and its queue is empty.
pub(super) struct Worker<S>(mpsc::Sender<Job<S>>);

impl<S> Clone for Worker<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Send + 'static> Worker<S> {
    pub(super) fn spawn(name: &str, mut state: S) -> std::io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job<S>>(QUEUE_JOBS_MAX);
        thread::Builder::new().name(name.into()).spawn(move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut state);
            }
        })?;
        Ok(Self(jobs))
    }

    /// Waits for a job. One whose caller has given up meanwhile is not begun, and what it owns is dropped.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let (job, answer) = answered(work);
        let sent = self.0.send(job).await;
        sent.map_err(|_| Error::Unavailable)?;
        answer.await.map_err(|_| Error::Unavailable)?
    }

    /// As [`Self::run`], for a caller that is a thread itself.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let (job, answer) = answered(work);
        let sent = self.0.blocking_send(job);
        sent.map_err(|_| Error::Unavailable)?;
        answer.blocking_recv().map_err(|_| Error::Unavailable)?
    }
}

type Answer<T> = oneshot::Receiver<Result<T, Error>>;

/// A job that answers. An answer that finds nobody is dropped on the thread, with all it owns.
fn answered<S: 'static, T: Send + 'static>(
    work: impl FnOnce(&mut S) -> Result<T, Failure> + Send + 'static,
) -> (Job<S>, Answer<T>) {
    let (reply, answer) = oneshot::channel();
    let job = move |state: &mut S| {
        if !reply.is_closed() {
            drop(reply.send(work(state).map_err(Error::from)));
        }
    };
    (Box::new(job), answer)
}
