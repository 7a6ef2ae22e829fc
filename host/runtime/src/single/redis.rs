//! Messages of Redis: `fermyon:spin/inbound-redis` and `spin:redis/inbound-redis@3.0.0`.
//!
//! A message comes as a request whose body it is, so that it is admitted, bounded and watched as one. The answer to it
//! says no more than that the guest took it.

use async_trait::async_trait;
use http::StatusCode;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};
use wasmtime_wasi_http::WasiBody;

use super::whole::whole;
use super::{Answer, Begun, Call, Export, Outcome, answer};
use crate::instance::State;

mod first {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-inbound-redis",
        inline: "package stoa:host; world fermyon-spin-inbound-redis { export fermyon:spin/inbound-redis; }",
        world: "stoa:host/fermyon-spin-inbound-redis",
        exports: { default: async },
    });

    pub(super) use self::exports::fermyon::spin::inbound_redis::GuestIndices;
}

mod third {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-redis-inbound",
        inline: "package stoa:host; world spin-redis-inbound { export spin:redis/inbound-redis@3.0.0; }",
        world: "stoa:host/spin-redis-inbound",
        exports: { default: async },
    });

    pub(super) use self::exports::spin::redis::inbound_redis::GuestIndices;
}

// === impl FirstRedis ===

/// The export of a component for Spin 1 to 3, a function that blocks.
pub(crate) struct FirstRedis(first::GuestIndices);

impl FirstRedis {
    pub(crate) fn new(pre: &InstancePre<State>) -> wasmtime::Result<Self> {
        first::GuestIndices::new(pre).map(Self)
    }
}

impl Export for FirstRedis {
    fn begin(&self, request: http::Request<WasiBody>) -> Begun {
        let call = First(self.0.clone(), request.into_body());
        Begun {
            program: None,
            call: Box::new(call),
        }
    }
}

struct First(first::GuestIndices, WasiBody);

#[async_trait]
impl Call for First {
    async fn run(
        self: Box<Self>,
        store: &mut Store<State>,
        instance: &Instance,
        answer: Answer,
    ) -> wasmtime::Result<Outcome> {
        let Self(guest, body) = *self;
        let payload = match whole(body, u64::MAX).await {
            Ok(payload) => payload,
            Err(status) => return Ok(broken(status)),
        };
        let guest = guest.load(&mut *store, instance)?;
        let taken = guest.call_handle_message(&mut *store, &payload).await?;
        Ok(told(answer, taken))
    }
}

// === impl ThirdRedis ===

/// The export of a component for Spin 4, an `async func`.
pub(crate) struct ThirdRedis(third::GuestIndices);

impl ThirdRedis {
    pub(crate) fn new(pre: &InstancePre<State>) -> wasmtime::Result<Self> {
        third::GuestIndices::new(pre).map(Self)
    }
}

impl Export for ThirdRedis {
    fn begin(&self, request: http::Request<WasiBody>) -> Begun {
        let call = Third(self.0.clone(), request.into_body());
        Begun {
            program: None,
            call: Box::new(call),
        }
    }
}

struct Third(third::GuestIndices, WasiBody);

#[async_trait]
impl Call for Third {
    async fn run(
        self: Box<Self>,
        store: &mut Store<State>,
        instance: &Instance,
        answer: Answer,
    ) -> wasmtime::Result<Outcome> {
        let Self(guest, body) = *self;
        let payload = match whole(body, u64::MAX).await {
            Ok(payload) => payload,
            Err(status) => return Ok(broken(status)),
        };
        let guest = guest.load(&mut *store, instance)?;
        // The call of the bindings wants an event loop of the host's own, for calls beside it. There are none here.
        let handle = guest.func_handle_message();
        let (taken,) = handle.call_async(&mut *store, (payload,)).await?;
        Ok(told(answer, taken))
    }
}

/// A message is there as a whole when it is delivered, and no larger than its component allows: this does not happen.
fn broken(status: StatusCode) -> Outcome {
    Err(format!("the message broke off: {status}"))
}

/// What a guest says of its failure may be any text: shown as it would be in code, it stays one line.
fn told<E: std::fmt::Debug>(answer: Answer, taken: Result<(), E>) -> Outcome {
    taken.map_err(|error| format!("it did not take the message: {error:?}"))?;
    // Whoever delivered it may have given up.
    answer.send(answer::empty(StatusCode::NO_CONTENT)).ok();
    Ok(())
}
