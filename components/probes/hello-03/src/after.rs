//! Finishes a future after the handler has returned, without the executor that `async-spawn` would build in.
//!
//! A body is read only once its response was returned, so its write outlives the handler. The runtime keeps a task for
//! as long as one of its streams waits, and wakes the waker of what waits: here that waker owns the future, and drives
//! it on.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

/// Runs the future now, as far as it gets, and whenever a stream it waits for has moved.
pub(crate) fn go_on(future: impl Future<Output = ()> + Send + 'static) {
    let future: Unfinished = Box::pin(future);
    Arc::new(After(Mutex::new(Some(future)))).wake();
}

type Unfinished = Pin<Box<dyn Future<Output = ()> + Send>>;

/// `None` once the future is done.
struct After(Mutex<Option<Unfinished>>);

impl Wake for After {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut slot = self.0.lock().expect("no poll panics and lives on");
        if let Some(future) = slot.as_mut()
            && future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
        {
            *slot = None;
        }
    }
}
