//! What the built probes call.

use std::fs;

use stoa_testkit::{probe, repository};
use wit_component::DecodedWasm;

use super::Functions;

/// The imports of every probe in Rust, by its name. Those in other languages import what they do not call.
pub(super) fn read() -> Vec<(String, Functions)> {
    let folder = repository().join("components/probes");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("the folder can be listed"))
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let read = |name: String| {
        let functions = functions(&name);
        (name, functions)
    };
    names.into_iter().map(read).collect()
}

/// The interfaces in its component, each with the functions that are left of it.
fn functions(name: &str) -> Functions {
    let code = fs::read(probe(name)).expect("it was built");
    let Ok(DecodedWasm::Component(resolve, _)) = wit_component::decode(&code) else {
        panic!("the probe `{name}` is no component");
    };
    let interfaces = resolve.interfaces.iter().filter_map(|(id, interface)| {
        let functions = interface.functions.keys();
        let functions = functions.map(|function| plain(function)).collect();
        Some((resolve.id_of(id)?, functions))
    });
    interfaces.collect()
}

/// `store.get` of `[method]store.get`, `store` of `[constructor]store`.
fn plain(function: &str) -> String {
    let name = function.rsplit(']').next().unwrap_or(function);
    name.to_owned()
}
