//! The parts of `wasi:sockets` 0.3 that stand in front of wasmtime's.
//!
//! Here a connection outlives its socket: its two streams are the guest's own. Each comes with a future of how it ended,
//! which is passed on, and the connection's place is kept until then.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use stoa_capabilities::network::{self, Place};
use tokio::sync::oneshot;
use wasmtime::component::{
    Access, Accessor, FutureConsumer, FutureReader, Linker, Resource, ResourceType, Source,
    StreamReader,
};
use wasmtime::{AsContextMut, StoreContextMut};
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup;
use wasmtime_wasi::p3::bindings::sockets::types::{
    ErrorCode, HostTcpSocket, HostTcpSocketWithStore, HostUdpSocket, IpAddress, IpAddressFamily,
};
use wasmtime_wasi::p3::sockets::SocketResult;
use wasmtime_wasi::sockets::{TcpSocket, UdpSocket, WasiSockets, WasiSocketsView};

use crate::instance::State;

/// The version that wasmtime links these interfaces under; all of 0.3 finds it.
const VERSION: &str = "0.3.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = linker.instance(&format!("wasi:sockets/types@{VERSION}"))?;
    types.func_wrap("[static]tcp-socket.create", create_tcp)?;
    types.func_wrap("[method]tcp-socket.send", send)?;
    types.func_wrap("[method]tcp-socket.receive", receive)?;
    types.resource("tcp-socket", ResourceType::host::<TcpSocket>(), close_tcp)?;
    types.func_wrap_async("[static]udp-socket.create", create_udp)?;
    types.resource("udp-socket", ResourceType::host::<UdpSocket>(), close_udp)?;
    let mut lookup = linker.instance(&format!("wasi:sockets/ip-name-lookup@{VERSION}"))?;
    lookup.func_wrap_concurrent("resolve-addresses", resolve)
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
    let created = HostTcpSocket::create(&mut WasiSocketsView::sockets(state), family);
    kept(state, created, place)
}

fn create_udp(
    mut store: StoreContextMut<'_, State>,
    (family,): (IpAddressFamily,),
) -> Box<dyn Future<Output = Created<UdpSocket>> + Send + '_> {
    Box::new(async move {
        let state = store.data_mut();
        let place = match state.open_sockets().place() {
            Ok(place) => place,
            Err(error) => return Ok((Err(worded(error)),)),
        };
        let created = HostUdpSocket::create(&mut WasiSocketsView::sockets(state), family).await;
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

fn close_tcp(mut store: StoreContextMut<'_, State>, number: u32) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let socket = Resource::new_own(number);
    HostTcpSocket::drop(&mut WasiSocketsView::sockets(state), socket)?;
    state.open_sockets().closed(number);
    Ok(())
}

fn close_udp(mut store: StoreContextMut<'_, State>, number: u32) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let socket = Resource::new_own(number);
    HostUdpSocket::drop(&mut WasiSocketsView::sockets(state), socket)?;
    state.open_sockets().closed(number);
    Ok(())
}

fn worded(error: network::Error) -> ErrorCode {
    match error {
        network::Error::Denied => ErrorCode::AccessDenied,
        // What 0.2 calls `new-socket-limit` has no case of its own any more.
        _ => ErrorCode::Other(Some("too many sockets are open".into())),
    }
}

// === streams ===

type Ended = FutureReader<Result<(), ErrorCode>>;

fn send(
    mut store: StoreContextMut<'_, State>,
    (socket, data): (Resource<TcpSocket>, StreamReader<u8>),
) -> wasmtime::Result<(Ended,)> {
    let place = store.data_mut().open_sockets().share(socket.rep());
    let ended = WasiSockets::send(access(&mut store), socket, data)?;
    Ok((held(store, ended, place)?,))
}

fn receive(
    mut store: StoreContextMut<'_, State>,
    (socket,): (Resource<TcpSocket>,),
) -> wasmtime::Result<((StreamReader<u8>, Ended),)> {
    let place = store.data_mut().open_sockets().share(socket.rep());
    let (data, ended) = WasiSockets::receive(access(&mut store), socket)?;
    Ok(((data, held(store, ended, place)?),))
}

fn access<'a>(store: &'a mut StoreContextMut<'_, State>) -> Access<'a, State, WasiSockets> {
    Access::new(store.as_context_mut(), |state| state.sockets())
}

/// Passes on how a stream ended. Until then its connection is open, whether or not the guest waits to know.
fn held(
    mut store: StoreContextMut<'_, State>,
    ended: Ended,
    place: Option<Arc<Place>>,
) -> wasmtime::Result<Ended> {
    let (sender, receiver) = oneshot::channel();
    let holding = Holding {
        place,
        sender: Some(sender),
    };
    ended.pipe(&mut store, holding)?;
    FutureReader::new(&mut store, receiver)
}

struct Holding {
    place: Option<Arc<Place>>,
    sender: Option<oneshot::Sender<Result<(), ErrorCode>>>,
}

impl FutureConsumer<State> for Holding {
    type Item = Result<(), ErrorCode>;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, State>,
        mut source: Source<'_, Self::Item>,
        _: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut ended = None;
        source.read(store, &mut ended)?;
        let this = self.get_mut();
        this.place = None;
        if let (Some(sender), Some(ended)) = (this.sender.take(), ended) {
            // It fails when the guest does not want to know.
            sender.send(ended).ok();
        }
        Poll::Ready(Ok(()))
    }
}

// === names ===

type Found = wasmtime::Result<(Result<Vec<IpAddress>, ip_name_lookup::ErrorCode>,)>;

fn resolve(
    store: &Accessor<State>,
    (name,): (String,),
) -> Pin<Box<dyn Future<Output = Found> + Send + '_>> {
    Box::pin(async move {
        let gate = store.with(|mut access| access.data_mut().open_sockets().gate());
        let found = match gate.may_look_up() {
            true => gate.look_up(&name).await,
            false => Err(network::Error::Denied),
        };
        let found = found.map(|found| found.into_iter().map(IpAddress::from).collect::<Vec<_>>());
        Ok((found.map_err(unresolved),))
    })
}

fn unresolved(error: network::Error) -> ip_name_lookup::ErrorCode {
    match error {
        network::Error::Denied | network::Error::Blocked => ip_name_lookup::ErrorCode::AccessDenied,
        network::Error::TimedOut => ip_name_lookup::ErrorCode::TemporaryResolverFailure,
        _ => ip_name_lookup::ErrorCode::NameUnresolvable,
    }
}
