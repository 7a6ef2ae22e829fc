//! What guests may import, interface by interface; one file per noun, and nothing of a store's state but its handles.

mod blobs;
mod documents;
mod identity;
mod keyvalue;
mod llm;
mod mqtt;
mod mysql;
pub(crate) mod otel;
pub(crate) mod outbound;
mod postgres;
pub(crate) mod rc;
mod redis;
mod rows;
pub(crate) mod sockets;
mod spin_http;
mod spin_key_value;
mod spin_sqlite;
mod sql;
mod variables;
mod wasi_keyvalue;

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::instance::State;

/// Links everything there is for components that block, once: which of it does something for one of them is decided by its
/// handles.
pub(crate) fn blocking(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    sockets::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    blobs::add_to_linker(&mut linker)?;
    documents::add_to_linker(&mut linker)?;
    identity::add_to_linker(&mut linker)?;
    keyvalue::add_to_linker(&mut linker)?;
    llm::add_to_linker(&mut linker)?;
    mqtt::add_to_linker(&mut linker)?;
    mysql::add_to_linker(&mut linker)?;
    postgres::add_to_linker(&mut linker)?;
    otel::add_to_linker(&mut linker)?;
    rc::add_to_linker(&mut linker)?;
    redis::add_to_linker(&mut linker)?;
    spin_http::add_to_linker(&mut linker)?;
    spin_key_value::add_to_linker(&mut linker)?;
    spin_sqlite::add_to_linker(&mut linker)?;
    sql::add_to_linker(&mut linker)?;
    variables::add_to_linker(&mut linker)?;
    wasi_keyvalue::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// Links all that, and what has functions that wait while others of the instance go on.
pub(crate) fn concurrent(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = blocking(engine)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    sockets::add_async_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    blobs::add_async_to_linker(&mut linker)?;
    documents::add_async_to_linker(&mut linker)?;
    identity::add_async_to_linker(&mut linker)?;
    keyvalue::add_async_to_linker(&mut linker)?;
    mqtt::add_async_to_linker(&mut linker)?;
    mysql::add_async_to_linker(&mut linker)?;
    postgres::add_async_to_linker(&mut linker)?;
    redis::add_async_to_linker(&mut linker)?;
    spin_key_value::add_async_to_linker(&mut linker)?;
    spin_sqlite::add_async_to_linker(&mut linker)?;
    sql::add_async_to_linker(&mut linker)?;
    variables::add_async_to_linker(&mut linker)?;
    Ok(linker)
}

/// Interfaces of Spin's that [`concurrent`] alone links, with the beginning of their versions.
const CONCURRENT_OF_SPIN: [&str; 7] = [
    "spin:key-value/key-value@3.",
    "spin:mqtt/mqtt@3.",
    "spin:mysql/mysql@3.",
    "spin:postgres/postgres@4.",
    "spin:redis/redis@3.",
    "spin:sqlite/sqlite@3.",
    "spin:variables/variables@3.",
];

/// Whether [`concurrent`] alone links an interface, by its whole name. What a component imports of it may be functions that
/// do not wait; then its types do not tell, and the name has to.
pub(crate) fn is_concurrent(name: &str) -> bool {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    match interface.split_once(':') {
        Some(("wasi", _)) => version.starts_with("0.3."),
        Some(("stoa", _)) => interface.ends_with("-async"),
        _ => CONCURRENT_OF_SPIN
            .iter()
            .any(|known| name.starts_with(known)),
    }
}

/// The names behind [`concurrent`], to say what is missing; a test holds the two together.
pub(crate) fn provided() -> &'static [&'static str] {
    &[
        "fermyon:spin/config",
        "fermyon:spin/http",
        "fermyon:spin/http-types",
        "fermyon:spin/key-value",
        "fermyon:spin/key-value@2.0.0",
        "fermyon:spin/llm",
        "fermyon:spin/llm@2.0.0",
        "fermyon:spin/mqtt@2.0.0",
        "fermyon:spin/mysql",
        "fermyon:spin/mysql@2.0.0",
        "fermyon:spin/postgres",
        "fermyon:spin/postgres@2.0.0",
        "fermyon:spin/rdbms-types",
        "fermyon:spin/rdbms-types@2.0.0",
        "fermyon:spin/redis",
        "fermyon:spin/redis-types",
        "fermyon:spin/redis@2.0.0",
        "fermyon:spin/sqlite",
        "fermyon:spin/sqlite@2.0.0",
        "fermyon:spin/variables@2.0.0",
        "spin:key-value/key-value@3.0.0",
        "spin:mqtt/mqtt@3.0.0",
        "spin:mysql/mysql@3.0.0",
        "spin:postgres/postgres@3.0.0",
        "spin:postgres/postgres@4.0.0",
        "spin:postgres/postgres@4.1.0",
        "spin:postgres/postgres@4.2.0",
        "spin:redis/redis@3.0.0",
        "spin:sqlite/sqlite@3.0.0",
        "spin:sqlite/sqlite@3.1.0",
        "spin:variables/variables@3.0.0",
        "stoa:blobs/presign@0.1.0",
        "stoa:blobs/read-async@0.1.0",
        "stoa:blobs/read@0.1.0",
        "stoa:blobs/types@0.1.0",
        "stoa:blobs/write-async@0.1.0",
        "stoa:blobs/write@0.1.0",
        "stoa:documents/read-async@0.1.0",
        "stoa:documents/read@0.1.0",
        "stoa:documents/types@0.1.0",
        "stoa:documents/write-async@0.1.0",
        "stoa:documents/write@0.1.0",
        "stoa:identity/passwords-async@0.1.0",
        "stoa:identity/passwords@0.1.0",
        "stoa:identity/tokens-async@0.1.0",
        "stoa:identity/tokens@0.1.0",
        "stoa:identity/types@0.1.0",
        "stoa:identity/verify@0.1.0",
        "stoa:keyvalue/read-async@0.1.0",
        "stoa:keyvalue/read@0.1.0",
        "stoa:keyvalue/types@0.1.0",
        "stoa:keyvalue/write-async@0.1.0",
        "stoa:keyvalue/write@0.1.0",
        "stoa:sql/read-async@0.1.0",
        "stoa:sql/read@0.1.0",
        "stoa:sql/transactions-async@0.1.0",
        "stoa:sql/transactions@0.1.0",
        "stoa:sql/types@0.1.0",
        "stoa:sql/write-async@0.1.0",
        "stoa:sql/write@0.1.0",
        "wasi:cli/environment@0.2.6",
        "wasi:cli/environment@0.3.0",
        "wasi:cli/exit@0.2.6",
        "wasi:cli/exit@0.3.0",
        "wasi:cli/stderr@0.2.6",
        "wasi:cli/stderr@0.3.0",
        "wasi:cli/stdin@0.2.6",
        "wasi:cli/stdin@0.3.0",
        "wasi:cli/stdout@0.2.6",
        "wasi:cli/stdout@0.3.0",
        "wasi:cli/terminal-input@0.2.6",
        "wasi:cli/terminal-input@0.3.0",
        "wasi:cli/terminal-output@0.2.6",
        "wasi:cli/terminal-output@0.3.0",
        "wasi:cli/terminal-stderr@0.2.6",
        "wasi:cli/terminal-stderr@0.3.0",
        "wasi:cli/terminal-stdin@0.2.6",
        "wasi:cli/terminal-stdin@0.3.0",
        "wasi:cli/terminal-stdout@0.2.6",
        "wasi:cli/terminal-stdout@0.3.0",
        "wasi:cli/types@0.3.0",
        "wasi:clocks/monotonic-clock@0.2.0-rc-2023-10-18",
        "wasi:clocks/monotonic-clock@0.2.6",
        "wasi:clocks/monotonic-clock@0.3.0",
        "wasi:clocks/system-clock@0.3.0",
        "wasi:clocks/types@0.3.0",
        "wasi:clocks/wall-clock@0.2.6",
        "wasi:config/store@0.2.0-draft-2024-09-27",
        "wasi:config/store@0.2.0-rc.1",
        "wasi:filesystem/preopens@0.2.6",
        "wasi:filesystem/preopens@0.3.0",
        "wasi:filesystem/types@0.2.0-rc-2023-10-18",
        "wasi:filesystem/types@0.2.6",
        "wasi:filesystem/types@0.3.0",
        "wasi:http/client@0.3.0",
        "wasi:http/outgoing-handler@0.2.0-rc-2023-10-18",
        "wasi:http/outgoing-handler@0.2.6",
        "wasi:http/types@0.2.0-rc-2023-10-18",
        "wasi:http/types@0.2.0-rc-2023-11-10",
        "wasi:http/types@0.2.6",
        "wasi:http/types@0.3.0",
        "wasi:io/error@0.2.6",
        "wasi:io/poll@0.2.0-rc-2023-10-18",
        "wasi:io/poll@0.2.6",
        "wasi:io/streams@0.2.0-rc-2023-10-18",
        "wasi:io/streams@0.2.6",
        "wasi:keyvalue/atomics@0.2.0-draft",
        "wasi:keyvalue/atomics@0.2.0-draft2",
        "wasi:keyvalue/batch@0.2.0-draft",
        "wasi:keyvalue/batch@0.2.0-draft2",
        "wasi:keyvalue/store@0.2.0-draft",
        "wasi:keyvalue/store@0.2.0-draft2",
        "wasi:otel/logs@0.2.0-rc.2",
        "wasi:otel/metrics@0.2.0-rc.2",
        "wasi:otel/tracing@0.2.0-rc.2",
        "wasi:otel/types@0.2.0-rc.2",
        "wasi:random/insecure-seed@0.2.6",
        "wasi:random/insecure-seed@0.3.0",
        "wasi:random/insecure@0.2.6",
        "wasi:random/insecure@0.3.0",
        "wasi:random/random@0.2.6",
        "wasi:random/random@0.3.0",
        "wasi:sockets/instance-network@0.2.6",
        "wasi:sockets/ip-name-lookup@0.2.0-rc-2023-10-18",
        "wasi:sockets/ip-name-lookup@0.2.6",
        "wasi:sockets/ip-name-lookup@0.3.0",
        "wasi:sockets/network@0.2.6",
        "wasi:sockets/tcp-create-socket@0.2.6",
        "wasi:sockets/tcp@0.2.0-rc-2023-10-18",
        "wasi:sockets/tcp@0.2.0-rc-2023-11-10",
        "wasi:sockets/tcp@0.2.6",
        "wasi:sockets/types@0.3.0",
        "wasi:sockets/udp-create-socket@0.2.0-rc-2023-10-18",
        "wasi:sockets/udp-create-socket@0.2.6",
        "wasi:sockets/udp@0.2.0-rc-2023-10-18",
        "wasi:sockets/udp@0.2.0-rc-2023-11-10",
        "wasi:sockets/udp@0.2.6",
    ]
}
