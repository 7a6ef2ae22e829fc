//! `wasi:sockets` of both dates in 2023, where it is not that of 0.2: sockets can be told to leave IPv4 alone, and in
//! October names are looked up for one family, and UDP sockets send and receive by themselves (`datagrams`).

mod datagrams;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp::{HostTcpSocket, TcpSocket};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagramStream,
    OutgoingDatagramStream, UdpSocket,
};
use wasmtime_wasi::sockets::WasiSocketsView;

use super::Outcome;
use crate::host::sockets::p2 as guarded;
use crate::instance::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut tcp = linker.instance("wasi:sockets/tcp@0.2.0-rc-2023-10-18")?;
    shared_tcp(&mut tcp)?;
    october_tcp(&mut tcp)?;
    let mut tcp = linker.instance("wasi:sockets/tcp@0.2.0-rc-2023-11-10")?;
    shared_tcp(&mut tcp)?;
    november_tcp(&mut tcp)?;
    november_udp(&mut linker.instance("wasi:sockets/udp@0.2.0-rc-2023-11-10")?)?;
    lookup(&mut linker.instance("wasi:sockets/ip-name-lookup@0.2.0-rc-2023-10-18")?)?;
    datagrams::add_to_linker(linker)
}

fn shared_tcp(tcp: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    tcp.resource(
        "tcp-socket",
        ResourceType::host::<TcpSocket>(),
        guarded::close_tcp,
    )?;
    functions!(tcp, sockets, {
        "[method]tcp-socket.start-bind" (this, network, address) => later HostTcpSocket::start_bind;
        "[method]tcp-socket.finish-bind" (this) => word HostTcpSocket::finish_bind;
        "[method]tcp-socket.start-connect" (this, network, address) => word HostTcpSocket::start_connect;
        "[method]tcp-socket.finish-connect" (this) => word HostTcpSocket::finish_connect;
        "[method]tcp-socket.start-listen" (this) => later HostTcpSocket::start_listen;
        "[method]tcp-socket.finish-listen" (this) => word HostTcpSocket::finish_listen;
        "[method]tcp-socket.accept" (this) => word HostTcpSocket::accept;
        "[method]tcp-socket.local-address" (this) => word HostTcpSocket::local_address;
        "[method]tcp-socket.remote-address" (this) => word HostTcpSocket::remote_address;
        "[method]tcp-socket.address-family" (this) => value HostTcpSocket::address_family;
        "[method]tcp-socket.set-listen-backlog-size" (this, size) => word HostTcpSocket::set_listen_backlog_size;
        "[method]tcp-socket.receive-buffer-size" (this) => word HostTcpSocket::receive_buffer_size;
        "[method]tcp-socket.set-receive-buffer-size" (this, size) => word HostTcpSocket::set_receive_buffer_size;
        "[method]tcp-socket.send-buffer-size" (this) => word HostTcpSocket::send_buffer_size;
        "[method]tcp-socket.set-send-buffer-size" (this, size) => word HostTcpSocket::set_send_buffer_size;
        "[method]tcp-socket.subscribe" (this) => value HostTcpSocket::subscribe;
        "[method]tcp-socket.shutdown" (this, how) => word HostTcpSocket::shutdown;
    });
    tcp.func_wrap(
        "[method]tcp-socket.ipv6-only",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<TcpSocket>,)| {
            let family = HostTcpSocket::address_family(&mut store.data_mut().sockets(), this)?;
            Ok((ipv6_only(family),))
        },
    )?;
    tcp.func_wrap(
        "[method]tcp-socket.set-ipv6-only",
        |mut store: StoreContextMut<'_, State>, (this, only): (Resource<TcpSocket>, bool)| {
            let family = HostTcpSocket::address_family(&mut store.data_mut().sockets(), this)?;
            Ok((set_ipv6_only(family, only),))
        },
    )
}

fn november_tcp(tcp: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions!(tcp, sockets, {
        "[method]tcp-socket.is-listening" (this) => value HostTcpSocket::is_listening;
        "[method]tcp-socket.keep-alive-enabled" (this) => word HostTcpSocket::keep_alive_enabled;
        "[method]tcp-socket.set-keep-alive-enabled" (this, on) => word HostTcpSocket::set_keep_alive_enabled;
        "[method]tcp-socket.keep-alive-idle-time" (this) => word HostTcpSocket::keep_alive_idle_time;
        "[method]tcp-socket.set-keep-alive-idle-time" (this, time) => word HostTcpSocket::set_keep_alive_idle_time;
        "[method]tcp-socket.keep-alive-interval" (this) => word HostTcpSocket::keep_alive_interval;
        "[method]tcp-socket.set-keep-alive-interval" (this, time) => word HostTcpSocket::set_keep_alive_interval;
        "[method]tcp-socket.keep-alive-count" (this) => word HostTcpSocket::keep_alive_count;
        "[method]tcp-socket.set-keep-alive-count" (this, count) => word HostTcpSocket::set_keep_alive_count;
        "[method]tcp-socket.hop-limit" (this) => word HostTcpSocket::hop_limit;
        "[method]tcp-socket.set-hop-limit" (this, limit) => word HostTcpSocket::set_hop_limit;
    });
    Ok(())
}

fn october_tcp(tcp: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions!(tcp, sockets, {
        "[method]tcp-socket.keep-alive" (this) => word HostTcpSocket::keep_alive_enabled;
        "[method]tcp-socket.set-keep-alive" (this, on) => word HostTcpSocket::set_keep_alive_enabled;
        "[method]tcp-socket.unicast-hop-limit" (this) => word HostTcpSocket::hop_limit;
        "[method]tcp-socket.set-unicast-hop-limit" (this, limit) => word HostTcpSocket::set_hop_limit;
    });
    // Whether small pieces wait for more is no longer a guest's to say.
    tcp.func_wrap(
        "[method]tcp-socket.no-delay",
        |_: StoreContextMut<'_, State>, _: (Resource<TcpSocket>,)| {
            Ok((Err::<bool, _>(ErrorCode::NotSupported),))
        },
    )?;
    tcp.func_wrap(
        "[method]tcp-socket.set-no-delay",
        |_: StoreContextMut<'_, State>, _: (Resource<TcpSocket>, bool)| {
            Ok((Err::<(), _>(ErrorCode::NotSupported),))
        },
    )
}

fn november_udp(udp: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    resources!(udp, sockets, {
        "incoming-datagram-stream" => IncomingDatagramStream, HostIncomingDatagramStream;
    });
    udp.resource(
        "udp-socket",
        ResourceType::host::<UdpSocket>(),
        guarded::close_udp,
    )?;
    udp.resource_async(
        "outgoing-datagram-stream",
        ResourceType::host::<OutgoingDatagramStream>(),
        |mut store: StoreContextMut<'_, State>, rep: u32| {
            Box::new(async move {
                let stream = Resource::new_own(rep);
                HostOutgoingDatagramStream::drop(&mut store.data_mut().sockets(), stream).await
            })
        },
    )?;
    functions!(udp, sockets, {
        "[method]udp-socket.start-bind" (this, network, address) => later HostUdpSocket::start_bind;
        "[method]udp-socket.finish-bind" (this) => word HostUdpSocket::finish_bind;
        "[method]udp-socket.stream" (this, address) => later HostUdpSocket::stream;
        "[method]udp-socket.local-address" (this) => word HostUdpSocket::local_address;
        "[method]udp-socket.remote-address" (this) => word HostUdpSocket::remote_address;
        "[method]udp-socket.address-family" (this) => value HostUdpSocket::address_family;
        "[method]udp-socket.unicast-hop-limit" (this) => word HostUdpSocket::unicast_hop_limit;
        "[method]udp-socket.set-unicast-hop-limit" (this, limit) => word HostUdpSocket::set_unicast_hop_limit;
        "[method]udp-socket.receive-buffer-size" (this) => word HostUdpSocket::receive_buffer_size;
        "[method]udp-socket.set-receive-buffer-size" (this, size) => word HostUdpSocket::set_receive_buffer_size;
        "[method]udp-socket.send-buffer-size" (this) => word HostUdpSocket::send_buffer_size;
        "[method]udp-socket.set-send-buffer-size" (this, size) => word HostUdpSocket::set_send_buffer_size;
        "[method]udp-socket.subscribe" (this) => value HostUdpSocket::subscribe;
        "[method]incoming-datagram-stream.receive" (this, max) => word HostIncomingDatagramStream::receive;
        "[method]incoming-datagram-stream.subscribe" (this) => value HostIncomingDatagramStream::subscribe;
        "[method]outgoing-datagram-stream.check-send" (this) => word HostOutgoingDatagramStream::check_send;
        "[method]outgoing-datagram-stream.send" (this, datagrams) => word HostOutgoingDatagramStream::send;
        "[method]outgoing-datagram-stream.subscribe" (this) => value HostOutgoingDatagramStream::subscribe;
    });
    udp.func_wrap(
        "[method]udp-socket.ipv6-only",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<UdpSocket>,)| {
            let family = HostUdpSocket::address_family(&mut store.data_mut().sockets(), this)?;
            Ok((ipv6_only(family),))
        },
    )?;
    udp.func_wrap(
        "[method]udp-socket.set-ipv6-only",
        |mut store: StoreContextMut<'_, State>, (this, only): (Resource<UdpSocket>, bool)| {
            let family = HostUdpSocket::address_family(&mut store.data_mut().sockets(), this)?;
            Ok((set_ipv6_only(family, only),))
        },
    )
}

/// Addresses of one family alone are no longer looked up; whether this host could reach them never mattered.
fn lookup(lookup: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type Wanted = (Resource<Network>, String, Option<IpAddressFamily>, bool);
    let addresses = ResourceType::host::<guarded::Addresses>();
    lookup.resource("resolve-address-stream", addresses, guarded::forget)?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        guarded::next_address,
    )?;
    lookup.func_wrap("[method]resolve-address-stream.subscribe", guarded::wait)?;
    lookup.func_wrap(
        "resolve-addresses",
        |store: StoreContextMut<'_, State>, (network, name, family, _): Wanted| match family {
            None => guarded::resolve(store, (network, name)),
            Some(_) => Ok((Err(ErrorCode::NotSupported),)),
        },
    )
}

/// Sockets of IPv6 leave IPv4 alone, always.
fn ipv6_only(family: IpAddressFamily) -> Result<bool, ErrorCode> {
    match family {
        IpAddressFamily::Ipv6 => Ok(true),
        IpAddressFamily::Ipv4 => Err(ErrorCode::NotSupported),
    }
}

fn set_ipv6_only(family: IpAddressFamily, only: bool) -> Result<(), ErrorCode> {
    match ipv6_only(family)? == only {
        true => Ok(()),
        false => Err(ErrorCode::NotSupported),
    }
}
