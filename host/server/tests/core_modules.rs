//! Core modules as a user has them: made components on the way, or refused with words.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stoa_testkit::{Host, Launch, probe};
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataSection, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, ImportSection, MemorySection, MemoryType, Module, TypeSection,
    ValType,
};
use wasmparser::{Parser, Payload};
use wit_component::{DecodedWasm, StringEncoding, metadata};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);
/// What a CGI program says.
const SAYS: &[u8] = b"content-type: text/plain\n\nhello from a module";
/// Where it lies in the module's memory.
const AT: u8 = 16;

/// An application of one core module.
fn launch(module: &[u8], route: &str) -> Launch {
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n{route}\n\
         [component.guest]\nsource = \"module.wasm\"\n"
    );
    let launch = Launch::new(STOA, &manifest);
    fs::write(launch.folder().join("module.wasm"), module).expect("it can be written");
    launch
}

/// A module that exports functions which do nothing.
fn idle(exports: &[&str]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exported = ExportSection::new();
    for name in exports {
        exported.export(name, ExportKind::Func, 0);
    }
    let mut nothing = Function::new([]);
    nothing.instructions().end();
    let mut code = CodeSection::new();
    code.function(&nothing);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&exported)
        .section(&code);
    module.finish()
}

/// A command of WASI preview 1 that writes [`SAYS`] to standard output.
fn command() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import(
        "wasi_snapshot_preview1",
        "fd_write",
        EntityType::Function(0),
    );
    let mut functions = FunctionSection::new();
    functions.function(1);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("_start", ExportKind::Func, 1);
    let mut start = Function::new([]);
    start
        .instructions()
        .i32_const(1)
        .i32_const(0)
        .i32_const(1)
        .i32_const(8)
        .call(0)
        .drop()
        .end();
    let mut code = CodeSection::new();
    code.function(&start);
    let mut data = DataSection::new();
    let length = u8::try_from(SAYS.len()).expect("it is short");
    data.active(0, &ConstExpr::i32_const(0), [AT, 0, 0, 0, length, 0, 0, 0]);
    let at = ConstExpr::i32_const(i32::from(AT));
    data.active(0, &at, SAYS.iter().copied());
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&code)
        .section(&data);
    module.finish()
}

/// The core module in a probe, with the section that its compiler had written into it.
fn unwrapped(name: &str) -> Vec<u8> {
    let component = fs::read(probe(name)).expect("it was built");
    let Ok(DecodedWasm::Component(resolve, world)) = wit_component::decode(&component) else {
        panic!("the probe is a component");
    };
    let section = metadata::encode(&resolve, world, StringEncoding::UTF8, None);
    let section = section.expect("its world can be written");
    let mut payloads = Parser::new(0).parse_all(&component);
    let range = payloads
        .find_map(|payload| match payload.expect("it can be read") {
            Payload::ModuleSection {
                unchecked_range, ..
            } => Some(unchecked_range),
            _ => None,
        })
        .expect("its first module is the guest's own");
    let at = |offset: u64| usize::try_from(offset).expect("it is in memory");
    let mut module = component[at(range.start)..at(range.end)].to_vec();
    // The number of such sections.
    module.push(0);
    wasm_encoder::Encode::encode(
        &CustomSection {
            name: "component-type:test".into(),
            data: section.into(),
        },
        &mut module,
    );
    module
}

fn get(host: &Host) -> String {
    let mut stream = TcpStream::connect(host.address()).expect("it accepts");
    stream
        .set_read_timeout(Some(CLIENT_MAX))
        .expect("a timeout can be set");
    write!(
        stream,
        "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    )
    .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    answer
}

#[track_caller]
fn assert_fails(launch: &Launch, parts: &[&str]) {
    let ended = launch.fail();
    assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
    for part in parts {
        assert!(
            ended.stderr.contains(part),
            "`{part}` is missing in:\n{}",
            ended.stderr
        );
    }
}

const WAGI: &str = "executor = { type = \"wagi\" }";

#[test]
fn modules_that_nothing_can_be_asked_of_end_the_start() {
    assert_fails(
        &launch(&idle(&["run"]), ""),
        &[
            "component `guest` (`module.wasm`): it is a core module that nothing can be asked of",
            "= hint: ",
        ],
    );
}

#[test]
fn modules_of_the_first_sdk_of_spin_end_the_start() {
    assert_fails(
        &launch(&idle(&["handle-http-request", "canonical_abi_realloc"]), ""),
        &[
            "component `guest` (`module.wasm`): it was built with Spin's first SDK",
            "= hint: ",
        ],
    );
}

#[test]
fn a_module_that_is_cut_ends_the_start() {
    let mut module = command();
    module.truncate(module.len() - 1);
    assert_fails(
        &launch(&module, WAGI),
        &["the module cannot be read: ", "build it again"],
    );
}

#[test]
fn a_command_behind_an_http_route_ends_the_start_with_a_hint() {
    assert_fails(
        &launch(&command(), ""),
        &["component `guest` (`module.wasm`): ", "wagi"],
    );
}

#[test]
fn a_command_is_what_a_wagi_route_runs() {
    let host = launch(&command(), WAGI).start();
    for _ in 0..2 {
        let answer = get(&host);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("content-type: text/plain"), "{answer}");
        assert!(answer.contains("hello from a module"), "{answer}");
    }
}

#[test]
fn a_module_of_bindgen_is_served_and_found_compiled_the_next_time() {
    let module = unwrapped("hello-02");
    let host = launch(&module, "").start();
    let first = get(&host);
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    host.signal("TERM");
    let host = host.restarted();
    host.logged("found compiled");
    assert!(get(&host).starts_with("HTTP/1.1 200"));
    let whole = fs::read(probe("hello-02")).expect("it was built");
    let whole = launch(&whole, "").start();
    let body = |answer: &str| {
        answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
    };
    assert_eq!(body(&first), body(&get(&whole)));
}
