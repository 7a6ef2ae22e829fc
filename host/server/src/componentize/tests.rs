use stoa_testkit::probe;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataSection, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, ImportSection, MemorySection, MemoryType, Module as Core,
    ProducersField, ProducersSection, TypeSection, ValType,
};
use wit_component::{DecodedWasm, StringEncoding};

use super::*;

/// A module with these functions, none of which does anything, and these sections of its own.
fn module(exports: &[&str], sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exported = ExportSection::new();
    for name in exports {
        exported.export(name, ExportKind::Func, 0);
    }
    let mut code = CodeSection::new();
    let mut nothing = Function::new([]);
    nothing.instructions().end();
    code.function(&nothing);
    let mut module = Core::new();
    module.section(&types);
    module.section(&functions);
    module.section(&exported);
    module.section(&code);
    for (name, data) in sections {
        module.section(&CustomSection {
            name: (*name).into(),
            data: (*data).into(),
        });
    }
    module.finish()
}

/// A command that writes to standard output, through WASI preview 1.
fn command(clang: Option<&str>) -> Vec<u8> {
    let text = b"hello";
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import(PREVIEW1, "fd_write", EntityType::Function(0));
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
    exports.export(START, ExportKind::Func, 1);
    let mut start = Function::new([]);
    start
        .instructions()
        .i32_const(1)
        .i32_const(0)
        .i32_const(1)
        .i32_const(64)
        .call(0)
        .drop()
        .end();
    let mut code = CodeSection::new();
    code.function(&start);
    let mut data = DataSection::new();
    // One piece: where it begins, and how long it is.
    data.active(0, &ConstExpr::i32_const(0), [8, 0, 0, 0, 5, 0, 0, 0]);
    data.active(0, &ConstExpr::i32_const(8), text.iter().copied());
    let mut module = Core::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&code)
        .section(&data);
    if let Some(clang) = clang {
        let mut by = ProducersField::new();
        by.value("clang", clang);
        let mut producers = ProducersSection::new();
        producers.field("processed-by", &by);
        module.section(&producers);
    }
    module.finish()
}

/// A probe as its compiler left it: its core module, with the section that says which interfaces it speaks.
fn unwrapped(name: &str, bindgen: Option<&str>) -> Vec<u8> {
    let component = std::fs::read(probe(name)).expect("it was built");
    let Ok(DecodedWasm::Component(resolve, world)) = wit_component::decode(&component) else {
        panic!("the probe is a component");
    };
    let section = metadata::encode(&resolve, world, StringEncoding::UTF8, None);
    let mut section = section.expect("its world can be written");
    if let Some(version) = bindgen {
        section = signed(section, version);
    }
    let first = Parser::new(0).parse_all(&component).find_map(|payload| {
        match payload.expect("it can be read") {
            Payload::ModuleSection {
                unchecked_range, ..
            } => Some(unchecked_range),
            _ => None,
        }
    });
    let range = first.expect("its first module is the guest's own");
    let at = |offset: u64| usize::try_from(offset).expect("it is in memory");
    let mut module = component[at(range.start)..at(range.end)].to_vec();
    // The number of such sections.
    module.push(0);
    let section = CustomSection {
        name: "component-type:test".into(),
        data: section.into(),
    };
    wasm_encoder::Encode::encode(&section, &mut module);
    module
}

/// The section, made with this version of wit-bindgen. Of several such notes the first one counts.
fn signed(section: Vec<u8>, version: &str) -> Vec<u8> {
    let mut by = ProducersField::new();
    by.value("wit-bindgen-rust", version);
    let mut producers = ProducersSection::new();
    producers.field("processed-by", &by);
    let (head, rest) = section.split_at(MODULE.len());
    let mut signed = head.to_vec();
    // The number of such sections.
    signed.push(0);
    wasm_encoder::Encode::encode(&producers, &mut signed);
    signed.extend(rest);
    signed
}

fn made(wasm: Vec<u8>) -> Bytes {
    component(wasm.into()).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(wasm: Vec<u8>) -> Error {
    match component(wasm.into()) {
        Ok(_) => panic!("it is refused, not made a component"),
        Err(error) => error,
    }
}

/// What a component imports and exports.
fn names(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let decoded = wit_component::decode(component).expect("it is a component");
    let DecodedWasm::Component(resolve, world) = decoded else {
        panic!("it is a component");
    };
    let world = &resolve.worlds[world];
    let imports = world.imports.keys().map(|key| resolve.name_world_key(key));
    let exports = world.exports.keys().map(|key| resolve.name_world_key(key));
    (imports.collect(), exports.collect())
}

#[test]
fn modules_that_nothing_can_be_asked_of_are_refused() {
    for exports in [&[][..], &["run"], &["_initialize", "run"]] {
        assert_eq!(refused(module(exports, &[])), Error::Library, "{exports:?}");
    }
}

#[test]
fn modules_of_the_first_sdk_are_told_apart() {
    for exports in [
        &["handle-http-request"][..],
        &["handle-redis-message", "_start"],
        &["canonical_abi_realloc", "_start"],
        &["cabi_realloc", "run"],
    ] {
        assert_eq!(refused(module(exports, &[])), Error::SpinOne, "{exports:?}");
    }
}

#[test]
fn a_c_library_that_hands_out_memory_twice_is_refused() {
    let old = "14.0.4 (https://github.com/llvm/llvm-project 29f1039)";
    assert_eq!(
        refused(command(Some(old))),
        Error::Clang(old.to_owned()),
        "{old}"
    );
    for clang in ["15.0.7", "18.1.2-wasi-sdk", "unknown", ""] {
        made(command(Some(clang)));
    }
}

#[test]
fn an_old_bindgen_is_refused() {
    for version in ["0.2.0", "0.4.1"] {
        let told = refused(unwrapped("hello-02", Some(version)));
        assert_eq!(told, Error::Bindgen(version.to_owned()));
    }
}

#[test]
fn modules_that_are_broken_are_told() {
    let mut cut = command(None);
    cut.truncate(cut.len() - 1);
    assert!(matches!(refused(cut), Error::Malformed(_)));
    let nonsense = refused(module(&[START], &[("component-type:x", b"nonsense")]));
    assert!(matches!(&nonsense, Error::Unfit(_)), "{nonsense}");
    // It says that it imports what no adapter knows.
    let mut unknown = Core::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import("wasi_unstable", "fd_write", EntityType::Function(0));
    let mut exports = ExportSection::new();
    exports.export(START, ExportKind::Func, 0);
    unknown.section(&types).section(&imports).section(&exports);
    let told = refused(unknown.finish());
    assert!(told.to_string().contains("wasi_unstable"), "{told}");
}

#[test]
fn what_is_no_module_is_left_alone() {
    let component = std::fs::read(probe("hello-02")).expect("it was built");
    for bytes in [&component[..], b"", b"\0asm", b"text"] {
        let left = super::component(Bytes::copy_from_slice(bytes));
        assert_eq!(left.as_deref(), Ok(bytes));
    }
}

#[test]
fn a_command_becomes_a_component_that_can_be_run() {
    let component = made(command(None));
    let (imports, exports) = names(&component);
    let run = |name: &String| name.starts_with("wasi:cli/run@0.2.");
    assert!(exports.len() == 1 && exports.iter().all(run), "{exports:?}");
    let writes = |name: &String| name.starts_with("wasi:cli/stdout@0.2.");
    assert!(imports.iter().any(writes), "{imports:?}");
    // What it does not call, it does not import.
    let random = |name: &String| name.starts_with("wasi:random/");
    assert!(!imports.iter().any(random), "{imports:?}");
}

#[test]
fn a_module_of_bindgen_becomes_what_it_says() {
    let whole = std::fs::read(probe("hello-02")).expect("it was built");
    for version in [None, Some("0.36.0"), Some("of-my-own")] {
        let component = made(unwrapped("hello-02", version));
        assert_eq!(names(&component).1, names(&whole).1, "{version:?}");
    }
}

#[test]
fn the_same_module_makes_the_same_component() {
    for module in [command(None), unwrapped("hello-02", None)] {
        assert_eq!(made(module.clone()), made(module));
    }
}
