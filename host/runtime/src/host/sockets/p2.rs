//! The parts of `wasi:sockets` 0.2 that stand in front of wasmtime's.

use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use stoa_capabilities::network::{self, Place};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp::HostUdpSocket;
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{
    DynPollable, Network, Pollable, SocketResult, TcpSocket, UdpSocket, subscribe,
};
use wasmtime_wasi::sockets::WasiSocketsView;

use crate::instance::State;

/// The version that wasmtime links these interfaces under; all of 0.2 finds it.
const VERSION: &str = "0.2.12";

/// A name that is being looked up, or the addresses that are left of it.
pub(crate) struct Addresses(Looking);

enum Looking {
    Pending(Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, network::Error>> + Send>>),
    Found(std::vec::IntoIter<IpAddr>),
    Failed(network::Error),
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let instance = |name: &str| format!("wasi:sockets/{name}@{VERSION}");
    let mut create = linker.instance(&instance("tcp-create-socket"))?;
    create.func_wrap("create-tcp-socket", create_tcp)?;
    let mut create = linker.instance(&instance("udp-create-socket"))?;
    create.func_wrap_async("create-udp-socket", create_udp)?;
    let mut tcp = linker.instance(&instance("tcp"))?;
    tcp.resource("tcp-socket", ResourceType::host::<TcpSocket>(), close_tcp)?;
    let mut udp = linker.instance(&instance("udp"))?;
    udp.resource("udp-socket", ResourceType::host::<UdpSocket>(), close_udp)?;
    let mut lookup = linker.instance(&instance("ip-name-lookup"))?;
    let addresses = ResourceType::host::<Addresses>();
    lookup.resource("resolve-address-stream", addresses, forget)?;
    lookup.func_wrap("resolve-addresses", resolve)?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        next_address,
    )?;
    lookup.func_wrap("[method]resolve-address-stream.subscribe", wait)
}

// === sockets ===

type Created<S> = wasmtime::Result<(Result<Resource<S>, ErrorCode>,)>;

fn create_tcp(
    mut store: StoreContextMut<'_, State>,
    (family,): (IpAddressFamily,),
) -> Created<TcpSocket> {
    let state = store.data_mut();
    let place = match state.open_sockets().place() {
        Ok(place) => place,
        Err(error) => return Ok((Err(worded(error)),)),
    };
    let created =
        tcp_create_socket::Host::create_tcp_socket(&mut WasiSocketsView::sockets(state), family);
    kept(state, created, place)
}

/// `create-udp-socket`, of any version with this shape.
pub(crate) fn create_udp(
    mut store: StoreContextMut<'_, State>,
    (family,): (IpAddressFamily,),
) -> Box<dyn Future<Output = Created<UdpSocket>> + Send + '_> {
    Box::new(async move {
        let state = store.data_mut();
        let place = match state.open_sockets().place() {
            Ok(place) => place,
            Err(error) => return Ok((Err(worded(error)),)),
        };
        let created = udp_create_socket::Host::create_udp_socket(
            &mut WasiSocketsView::sockets(state),
            family,
        )
        .await;
        kept(state, created, place)
    })
}

/// Keeps the place of a socket for as long as that is in the instance's table.
fn kept<S>(state: &mut State, created: SocketResult<Resource<S>>, place: Place) -> Created<S> {
    match created {
        Ok(socket) => {
            state.open_sockets().opened(socket.rep(), place);
            Ok((Ok(socket),))
        }
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

/// Drops a TCP socket, of any version with this type.
pub(crate) fn close_tcp(
    mut store: StoreContextMut<'_, State>,
    number: u32,
) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let socket = Resource::new_own(number);
    // It fails while a stream of the socket is left, which then still has the place.
    HostTcpSocket::drop(&mut WasiSocketsView::sockets(state), socket)?;
    state.open_sockets().closed(number);
    Ok(())
}

/// Drops a UDP socket, of any version with this type.
pub(crate) fn close_udp(
    mut store: StoreContextMut<'_, State>,
    number: u32,
) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let socket = Resource::new_own(number);
    HostUdpSocket::drop(&mut WasiSocketsView::sockets(state), socket)?;
    state.open_sockets().closed(number);
    Ok(())
}

// === names ===

pub(crate) fn resolve(
    mut store: StoreContextMut<'_, State>,
    (network, name): (Resource<Network>, String),
) -> Created<Addresses> {
    let state = store.data_mut();
    // It stands for the right to use the network at all; what it allows is decided elsewhere.
    state.ctx().table.get(&network)?;
    let gate = state.open_sockets().gate();
    if !gate.may_look_up() {
        return Ok((Err(ErrorCode::AccessDenied),));
    }
    let pending = Box::pin(async move { gate.look_up(&name).await });
    let mut addresses = Addresses(Looking::Pending(pending));
    // What is refused at once is told at once.
    if let Poll::Ready(Err(error)) = addresses.poll(&mut Context::from_waker(Waker::noop())) {
        return Ok((Err(worded(error)),));
    }
    Ok((Ok(state.ctx().table.push(addresses)?),))
}

type Next = wasmtime::Result<(Result<Option<IpAddress>, ErrorCode>,)>;

pub(crate) fn next_address(
    mut store: StoreContextMut<'_, State>,
    (addresses,): (Resource<Addresses>,),
) -> Next {
    let addresses = store.data_mut().ctx().table.get_mut(&addresses)?;
    let next = match addresses.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Err(ErrorCode::WouldBlock),
        Poll::Ready(Ok(found)) => Ok(found.next().map(IpAddress::from)),
        Poll::Ready(Err(error)) => Err(worded(error)),
    };
    Ok((next,))
}

pub(crate) fn wait(
    mut store: StoreContextMut<'_, State>,
    (addresses,): (Resource<Addresses>,),
) -> wasmtime::Result<(Resource<DynPollable>,)> {
    let pollable = subscribe(store.data_mut().ctx().table, addresses)?;
    Ok((pollable,))
}

pub(crate) fn forget(mut store: StoreContextMut<'_, State>, number: u32) -> wasmtime::Result<()> {
    let addresses = Resource::<Addresses>::new_own(number);
    store.data_mut().ctx().table.delete(addresses)?;
    Ok(())
}

impl Addresses {
    /// The addresses that are left. Nothing is spawned: an answer waits until the guest asks for it.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<&mut std::vec::IntoIter<IpAddr>, network::Error>> {
        if let Looking::Pending(pending) = &mut self.0 {
            self.0 = match pending.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(found)) => Looking::Found(found.into_iter()),
                Poll::Ready(Err(error)) => Looking::Failed(error),
            };
        }
        match &mut self.0 {
            Looking::Found(found) => Poll::Ready(Ok(found)),
            Looking::Failed(error) => Poll::Ready(Err(*error)),
            Looking::Pending(_) => Poll::Pending,
        }
    }
}

#[async_trait]
impl Pollable for Addresses {
    async fn ready(&mut self) {
        std::future::poll_fn(|cx| self.poll(cx).map(drop)).await;
    }
}

fn worded(error: network::Error) -> ErrorCode {
    match error {
        network::Error::Denied | network::Error::Blocked => ErrorCode::AccessDenied,
        network::Error::Full => ErrorCode::NewSocketLimit,
        network::Error::TimedOut => ErrorCode::TemporaryResolverFailure,
        _ => ErrorCode::NameUnresolvable,
    }
}
