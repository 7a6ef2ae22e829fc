//! `wasi:sockets/udp` of October 2023, where a socket connects, sends and receives by itself. Those of 0.2 do it through
//! streams, so that here a socket is one of 0.2 with the streams it has.

use wasmtime::component::{
    ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};
use wasmtime::{AsContextMut, StoreContextMut};
use wasmtime_wasi::p2::bindings::io::poll::Pollable;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagramStream,
    OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasmtime_wasi::p2::{SocketError, SocketResult};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use super::{ipv6_only, set_ipv6_only};
use crate::host::rc::{Outcome, TableView};
use crate::host::sockets::p2 as guarded;
use crate::instance::State;

/// `udp-socket`.
struct Socket {
    inner: Resource<UdpSocket>,
    /// Where it was told to connect, until it does.
    connecting: Option<IpSocketAddress>,
    /// From when it first connects, sends or receives.
    streams: Option<Streams>,
}

impl Socket {
    fn new(inner: Resource<UdpSocket>) -> Self {
        Self {
            inner,
            connecting: None,
            streams: None,
        }
    }
}

struct Streams {
    incoming: Resource<IncomingDatagramStream>,
    outgoing: Resource<OutgoingDatagramStream>,
}

/// `datagram`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datagram {
    data: Vec<u8>,
    #[component(name = "remote-address")]
    remote_address: IpSocketAddress,
}

/// Links what a socket of 0.2 does: `"name" (arguments) => function`.
macro_rules! delegates {
    ($instance:ident, { $($name:literal ($($argument:ident),*) => $function:ident;)* }) => {
        $($instance.func_wrap($name, |mut store: StoreContextMut<'_, State>, (this, $($argument,)*)| {
            let mut sockets = store.data_mut().sockets();
            let this = inner(&sockets, &this)?;
            Ok((HostUdpSocket::$function(&mut sockets, this, $($argument),*).settled()?,))
        })?;)*
    };
}

/// Links what is done here and has to be waited for: `"name" (arguments) => function`.
macro_rules! waits {
    ($instance:ident, { $($name:literal ($($argument:ident),*) => $function:ident;)* }) => {
        $($instance.func_wrap_async($name, |mut store: StoreContextMut<'_, State>, (this, $($argument,)*)| {
            Box::new(async move {
                let outcome = $function(&mut store.data_mut().sockets(), this, $($argument),*).await;
                Ok::<_, wasmtime::Error>((outcome.settled()?,))
            })
        })?;)*
    };
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut maker = linker.instance("wasi:sockets/udp-create-socket@0.2.0-rc-2023-10-18")?;
    maker.func_wrap_async(
        "create-udp-socket",
        |mut store: StoreContextMut<'_, State>, family: (IpAddressFamily,)| {
            Box::new(async move {
                let created = guarded::create_udp(store.as_context_mut(), family);
                let created = Box::into_pin(created).await?;
                let created = match created {
                    (Ok(inner),) => Ok(store.data_mut().table().push(Socket::new(inner))?),
                    (Err(code),) => Err(code),
                };
                Ok::<_, wasmtime::Error>((created,))
            })
        },
    )?;
    let mut udp = linker.instance("wasi:sockets/udp@0.2.0-rc-2023-10-18")?;
    udp.resource_async(
        "udp-socket",
        ResourceType::host::<Socket>(),
        |mut store: StoreContextMut<'_, State>, rep: u32| {
            Box::new(async move {
                let inner = end(&mut store.data_mut().sockets(), Resource::new_own(rep)).await?;
                guarded::close_udp(store, inner.rep())
            })
        },
    )?;
    waits!(udp, {
        "[method]udp-socket.start-bind" (network, address) => bind;
        "[method]udp-socket.start-connect" (network, address) => connect;
        "[method]udp-socket.finish-connect" () => connected;
        "[method]udp-socket.receive" (max) => receive;
        "[method]udp-socket.send" (datagrams) => send;
    });
    delegates!(udp, {
        "[method]udp-socket.finish-bind" () => finish_bind;
        "[method]udp-socket.local-address" () => local_address;
        "[method]udp-socket.remote-address" () => remote_address;
        "[method]udp-socket.unicast-hop-limit" () => unicast_hop_limit;
        "[method]udp-socket.set-unicast-hop-limit" (limit) => set_unicast_hop_limit;
        "[method]udp-socket.receive-buffer-size" () => receive_buffer_size;
        "[method]udp-socket.set-receive-buffer-size" (size) => set_receive_buffer_size;
        "[method]udp-socket.send-buffer-size" () => send_buffer_size;
        "[method]udp-socket.set-send-buffer-size" (size) => set_send_buffer_size;
    });
    family(&mut udp)
}

fn family(udp: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    udp.func_wrap(
        "[method]udp-socket.address-family",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<Socket>,)| {
            let mut sockets = store.data_mut().sockets();
            let this = inner(&sockets, &this)?;
            Ok((HostUdpSocket::address_family(&mut sockets, this)?,))
        },
    )?;
    udp.func_wrap(
        "[method]udp-socket.ipv6-only",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<Socket>,)| {
            let mut sockets = store.data_mut().sockets();
            let this = inner(&sockets, &this)?;
            let family = HostUdpSocket::address_family(&mut sockets, this)?;
            Ok((ipv6_only(family),))
        },
    )?;
    udp.func_wrap(
        "[method]udp-socket.set-ipv6-only",
        |mut store: StoreContextMut<'_, State>, (this, only): (Resource<Socket>, bool)| {
            let mut sockets = store.data_mut().sockets();
            let this = inner(&sockets, &this)?;
            let family = HostUdpSocket::address_family(&mut sockets, this)?;
            Ok((set_ipv6_only(family, only),))
        },
    )?;
    udp.func_wrap(
        "[method]udp-socket.subscribe",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<Socket>,)| {
            Ok((subscribe(&mut store.data_mut().sockets(), &this)?,))
        },
    )
}

/// A borrow of the socket that does the work.
fn inner(
    sockets: &WasiSocketsCtxView<'_>,
    this: &Resource<Socket>,
) -> wasmtime::Result<Resource<UdpSocket>> {
    Ok(Resource::new_borrow(sockets.table.get(this)?.inner.rep()))
}

async fn bind(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: Resource<Socket>,
    network: Resource<Network>,
    address: IpSocketAddress,
) -> SocketResult<()> {
    let this = Resource::new_borrow(sockets.table.get(&this)?.inner.rep());
    HostUdpSocket::start_bind(sockets, this, network, address).await
}

async fn connect(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: Resource<Socket>,
    network: Resource<Network>,
    address: IpSocketAddress,
) -> SocketResult<()> {
    // It is what gives the right to connect; there is nothing in it.
    sockets.table.get(&network)?;
    let socket = sockets.table.get_mut(&this)?;
    match socket.connecting {
        Some(_) => Err(ErrorCode::ConcurrencyConflict.into()),
        None => {
            socket.connecting = Some(address);
            Ok(())
        }
    }
}

async fn connected(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: Resource<Socket>,
) -> SocketResult<()> {
    let socket = sockets.table.get_mut(&this)?;
    let address = socket.connecting.take().ok_or(ErrorCode::NotInProgress)?;
    disconnect(sockets, &this)
        .await
        .map_err(SocketError::trap)?;
    open(sockets, &this, Some(address)).await
}

/// There is a word for that nothing has arrived, so an empty list is never the answer.
async fn receive(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: Resource<Socket>,
    max: u64,
) -> SocketResult<Vec<Datagram>> {
    let (incoming, _) = streams(sockets, &this).await?;
    let received = HostIncomingDatagramStream::receive(sockets, incoming, max)?;
    if received.is_empty() && max > 0 {
        return Err(ErrorCode::WouldBlock.into());
    }
    let datagrams = received.into_iter().map(|datagram| Datagram {
        data: datagram.data,
        remote_address: datagram.remote_address,
    });
    Ok(datagrams.collect())
}

/// As many as there is room for are sent.
async fn send(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: Resource<Socket>,
    mut datagrams: Vec<Datagram>,
) -> SocketResult<u64> {
    let (_, outgoing) = streams(sockets, &this).await?;
    let stream = || Resource::new_borrow(outgoing.rep());
    let room = HostOutgoingDatagramStream::check_send(sockets, stream())?;
    if room == 0 && !datagrams.is_empty() {
        return Err(ErrorCode::WouldBlock.into());
    }
    datagrams.truncate(usize::try_from(room).unwrap_or(usize::MAX));
    let datagrams = datagrams.into_iter().map(|datagram| OutgoingDatagram {
        data: datagram.data,
        remote_address: Some(datagram.remote_address),
    });
    HostOutgoingDatagramStream::send(sockets, stream(), datagrams.collect())
}

/// Datagrams that have arrived are what is waited for; a socket that has sent and received nothing is always ready.
fn subscribe(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: &Resource<Socket>,
) -> wasmtime::Result<Resource<Pollable>> {
    let socket = sockets.table.get(this)?;
    match &socket.streams {
        Some(Streams { incoming, .. }) => {
            let incoming = Resource::new_borrow(incoming.rep());
            HostIncomingDatagramStream::subscribe(sockets, incoming)
        }
        None => {
            let inner = Resource::new_borrow(socket.inner.rep());
            HostUdpSocket::subscribe(sockets, inner)
        }
    }
}

/// Borrows of the socket's streams, which are opened if there are none: to and from everybody.
async fn streams(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: &Resource<Socket>,
) -> SocketResult<(
    Resource<IncomingDatagramStream>,
    Resource<OutgoingDatagramStream>,
)> {
    if sockets.table.get(this)?.streams.is_none() {
        open(sockets, this, None).await?;
    }
    let streams = sockets.table.get(this)?.streams.as_ref();
    let Streams { incoming, outgoing } = streams.ok_or(ErrorCode::InvalidState)?;
    Ok((
        Resource::new_borrow(incoming.rep()),
        Resource::new_borrow(outgoing.rep()),
    ))
}

async fn open(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: &Resource<Socket>,
    address: Option<IpSocketAddress>,
) -> SocketResult<()> {
    let inner = Resource::new_borrow(sockets.table.get(this)?.inner.rep());
    let (incoming, outgoing) = HostUdpSocket::stream(sockets, inner, address).await?;
    sockets.table.get_mut(this)?.streams = Some(Streams { incoming, outgoing });
    Ok(())
}

/// Ends the socket's streams, after what was sent is out.
async fn disconnect(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: &Resource<Socket>,
) -> wasmtime::Result<()> {
    if let Some(streams) = sockets.table.get_mut(this)?.streams.take() {
        HostIncomingDatagramStream::drop(sockets, streams.incoming)?;
        HostOutgoingDatagramStream::drop(sockets, streams.outgoing).await?;
    }
    Ok(())
}

/// Ends all of the socket but the one that does the work.
async fn end(
    sockets: &mut WasiSocketsCtxView<'_>,
    this: Resource<Socket>,
) -> wasmtime::Result<Resource<UdpSocket>> {
    disconnect(sockets, &this).await?;
    Ok(sockets.table.delete(this)?.inner)
}
