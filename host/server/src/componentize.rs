//! Core modules: what toolchains made before there were components, made into one before it is joined and compiled.
//!
//! Which way is decided as Spin decides it, but that a command which imports interfaces of its own stays one. A module
//! that says in `component-type` sections which interfaces it speaks, as wit-bindgen writes them since 0.5, gets the
//! adapter of WASI preview 1 if it needs one. One without, but with `_start`, is a command: it becomes what a WAGI
//! route runs. Modules of Spin's first SDKs (wit-bindgen 0.2) would need an adapter that only Spin's own build makes;
//! they are refused, like all that no host could call. The same module makes the same component, because compiled code
//! is found by its digest.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use stoa_capabilities::releases::FILE_BYTES_MAX;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{ExternalKind, KnownCustom, Parser, Payload, ProducersSectionReader};
use wit_component::{ComponentEncoder, metadata};

/// How a module begins: the magic number, version 1, layer 0. A component differs in the last four bytes.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// What a command is started by.
const START: &str = "_start";
/// By which wit-bindgen lets memory be allocated, in its old and its oldest spelling.
const REALLOC: [&str; 2] = ["cabi_realloc", "canonical_abi_realloc"];
/// What Spin's first SDKs export.
const SPIN_ONE: [&str; 2] = ["handle-http-request", "handle-redis-message"];
/// The section that says which interfaces a module speaks.
const TYPED: &str = "component-type";
/// The oldest minor version of wit-bindgen 0 whose modules can be understood.
const BINDGEN_MINOR_MIN: u64 = 5;
/// The oldest clang whose C library does not hand out memory twice (wasi-libc 377, fixed with wasi-sdk 19).
const CLANG_MIN: (u64, u64, u64) = (15, 0, 7);
/// Bytes of a component: what a host takes as a file.
const COMPONENT_BYTES_MAX: usize = FILE_BYTES_MAX;
/// Characters of what the encoder says is wrong.
const REASON_CHARS_MAX: usize = 600;

/// Why a core module is no component.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "it was built with Spin's first SDK (wit-bindgen 0.2), whose adapter only Spin has\n  = hint: build it with a \
         newer SDK, for `wasm32-wasip2`, or with `wasm32-wasip1` and spin-sdk 2 or newer"
    )]
    SpinOne,
    #[error(
        "it was built with wit-bindgen {0}, which is too old to be understood\n  = hint: build it with wit-bindgen 0.5 \
         or newer"
    )]
    Bindgen(String),
    #[error(
        "it was built with clang {0}, whose C library may hand out memory twice\n  = hint: build it with wasi-sdk 19 \
         or newer"
    )]
    Clang(String),
    #[error(
        "it is a core module that nothing can be asked of: it has no `_start`, and does not say which interfaces it \
         exports\n  = hint: build a command for `wasm32-wasip1`, or a component for `wasm32-wasip2`"
    )]
    Library,
    #[error("the module cannot be read: {0}\n  = hint: is the file whole? build it again")]
    Malformed(String),
    #[error(
        "the module cannot be made a component: {0}\n  = hint: build it for `wasm32-wasip2`, or with your language's \
         component tools"
    )]
    Unfit(String),
    #[error("as a component it would be larger than {} MiB", COMPONENT_BYTES_MAX / 1024 / 1024)]
    TooLarge,
}

/// What a module shows of how it was made.
#[derive(Debug, Default)]
struct Module {
    starts: bool,
    reallocates: bool,
    of_spin_one: bool,
    typed: bool,
    /// It calls WASI preview 1.
    adapted: bool,
    clang: Option<String>,
}

/// The component that these bytes are, or become. Whatever is no core module is left as it is: whether it is code at
/// all is found out where it is compiled.
pub(crate) fn component(wasm: Bytes) -> Result<Bytes, Error> {
    if !wasm.starts_with(MODULE) {
        return Ok(wasm);
    }
    let module = Module::read(&wasm)?;
    let component = match module.typed {
        true => typed(&wasm, &module)?,
        false => untyped(&wasm, &module)?,
    };
    match component.len() {
        0..=COMPONENT_BYTES_MAX => Ok(component.into()),
        _ => Err(Error::TooLarge),
    }
}

/// A module that says which interfaces it speaks.
fn typed(wasm: &[u8], module: &Module) -> Result<Vec<u8>, Error> {
    let (_, bindgen) = metadata::decode(wasm).map_err(|error| unfit(&error))?;
    let producers = bindgen.producers.as_ref();
    let processed = producers.and_then(|producers| producers.get("processed-by"));
    let bindgen_version = processed.and_then(|by| {
        let mut tools = by.iter();
        let bindgen = tools.find(|(tool, _)| tool.starts_with("wit-bindgen"));
        bindgen.map(|(_, version)| version.clone())
    });
    if let Some(version) = bindgen_version.filter(|version| is_too_old(version)) {
        return Err(Error::Bindgen(version));
    }
    // Beyond what Spin does: a command that imports interfaces of its own stays a command.
    let exports = &bindgen.resolve.worlds[bindgen.world].exports;
    match module.starts && exports.is_empty() {
        true => encode(wasm, Some(WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)),
        false => {
            let adapter = module
                .adapted
                .then_some(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
            encode(wasm, adapter)
        }
    }
}

fn untyped(wasm: &[u8], module: &Module) -> Result<Vec<u8>, Error> {
    if module.of_spin_one || module.reallocates {
        return Err(Error::SpinOne);
    }
    if !module.starts {
        return Err(Error::Library);
    }
    match &module.clang {
        Some(clang) if is_unsafe(clang) => Err(Error::Clang(clang.clone())),
        _ => encode(wasm, Some(WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)),
    }
}

fn encode(wasm: &[u8], adapter: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    encoder.module(wasm).map_err(|error| unfit(&error))?;
    if let Some(adapter) = adapter {
        let adapted = encoder.adapter(PREVIEW1, adapter);
        adapted.map_err(|error| unfit(&error))?;
    }
    encoder.encode().map_err(|error| unfit(&error))
}

/// On one line, because the hint has its own, and not longer than somebody reads.
fn unfit(error: &anyhow::Error) -> Error {
    let reason = format!("{error:#}");
    let words: Vec<&str> = reason.split_whitespace().collect();
    let mut reason: String = words.join(" ").chars().take(REASON_CHARS_MAX).collect();
    reason.retain(|character| !character.is_control());
    Error::Unfit(reason)
}

fn is_too_old(bindgen: &str) -> bool {
    // What is not a version is of somebody's own, and newer than those that were.
    numbers(bindgen).is_some_and(|(major, minor, _)| major == 0 && minor < BINDGEN_MINOR_MIN)
}

fn is_unsafe(clang: &str) -> bool {
    numbers(clang).is_some_and(|version| version < CLANG_MIN)
}

/// The numbers that a version begins with: `15.0.7 (https://github.com/llvm/llvm-project …)`.
fn numbers(version: &str) -> Option<(u64, u64, u64)> {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let (major, minor) = (next()?, next()?);
    Some((major, minor, next().unwrap_or(0)))
}

// === impl Module ===

impl Module {
    fn read(wasm: &[u8]) -> Result<Self, Error> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(malformed)?;
            module.look_at(payload).map_err(malformed)?;
        }
        Ok(module)
    }

    fn look_at(&mut self, payload: Payload<'_>) -> Result<(), wasmparser::Error> {
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.adapted |= import?.module == PREVIEW1;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.starts |= export.name == START;
                        self.reallocates |= REALLOC.contains(&export.name);
                        self.of_spin_one |= SPIN_ONE.contains(&export.name);
                    }
                }
            }
            Payload::CustomSection(section) => {
                self.typed |= section.name().starts_with(TYPED);
                if let KnownCustom::Producers(producers) = section.as_known() {
                    // What tools write about themselves may be malformed without any harm.
                    self.clang = clang(producers).ok().flatten();
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn malformed(error: wasmparser::Error) -> Error {
    Error::Malformed(error.to_string())
}

fn clang(producers: ProducersSectionReader<'_>) -> Result<Option<String>, wasmparser::Error> {
    for field in producers {
        let field = field?;
        if field.name == "processed-by" {
            for tool in field.values {
                let tool = tool?;
                if tool.name == "clang" {
                    return Ok(Some(tool.version.to_owned()));
                }
            }
        }
    }
    Ok(None)
}
