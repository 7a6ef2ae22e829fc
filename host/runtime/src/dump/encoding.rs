//! A core dump as bytes: a WebAssembly module in the form of WebAssembly/tool-conventions, `Coredump.md`.
//!
//! Written by ourselves, because `WasmCoreDump::serialize` of wasmtime 48 panics on composed components and on globals of
//! some types (bytecodealliance/wasmtime 13983 and 14102), and has no bound. Globals are left out: which of them are whose is
//! not told. A memory is known to belong to an instance if that exports it, as those of all languages do.

use wasm_encoder::{
    ConstExpr, CoreDumpInstancesSection, CoreDumpModulesSection, CoreDumpSection,
    CoreDumpStackSection, DataSection, MemorySection, MemoryType, Module as Encoder,
};
use wasmtime::{Export, Instance, Memory, Module, Store, WasmCoreDump};

/// Bytes of memory in one dump. What is zero needs no room.
const MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Memory is looked at in pieces of this size: small enough to leave out much that is zero, and so large that a dump has
/// fewer pieces than the 100,000 that readers take.
const PIECE_BYTES: usize = 4096;

/// A dump.
pub(super) struct Core {
    pub(super) bytes: Vec<u8>,
    /// Bytes of memory that are not zero and had no room.
    pub(super) left_out: usize,
}

/// What the memories of a store hold, as segments of data.
struct Held {
    memories: MemorySection,
    data: DataSection,
    room: usize,
    left_out: usize,
}

/// Encodes the dump of a store under a name.
pub(super) fn core<T: 'static>(dump: &WasmCoreDump, store: &mut Store<T>, name: &str) -> Core {
    let held = Held::of(dump.memories(), store);
    let (modules, instances) = listed(dump, store);
    let mut core = Encoder::new();
    core.section(&CoreDumpSection::new(name))
        .section(&held.memories)
        .section(&held.data)
        .section(&modules)
        .section(&instances)
        .section(&stack(dump, store));
    Core {
        bytes: core.finish(),
        left_out: held.left_out,
    }
}

/// Every instance, and its module under the same number: so an instance of a module that there are several of is itself.
fn listed<T: 'static>(
    dump: &WasmCoreDump,
    store: &mut Store<T>,
) -> (CoreDumpModulesSection, CoreDumpInstancesSection) {
    let mut modules = CoreDumpModulesSection::new();
    let mut instances = CoreDumpInstancesSection::new();
    for (number, instance) in (0_u32..).zip(dump.instances()) {
        let module = instance.module(&*store).name();
        modules.module(module.unwrap_or("unnamed"));
        instances.instance(number, memories(instance, dump, store), []);
    }
    (modules, instances)
}

/// The memories that an instance exports, by their numbers in the dump.
fn memories<T: 'static>(
    instance: &Instance,
    dump: &WasmCoreDump,
    store: &mut Store<T>,
) -> Vec<u32> {
    let exported: Vec<Memory> = instance
        .exports(&mut *store)
        .filter_map(Export::into_memory)
        .collect();
    let number = |memory: &Memory| {
        let start = memory.data_ptr(&*store);
        let mut known = (0_u32..).zip(dump.memories());
        let found = known.find(|(_, known)| known.data_ptr(&*store) == start);
        found.map(|(number, _)| number)
    };
    exported.iter().filter_map(number).collect()
}

/// Where the guest was, the innermost function first. Of several instances of a module the last one is told, because a
/// frame names only its module.
fn stack<T: 'static>(dump: &WasmCoreDump, store: &Store<T>) -> CoreDumpStackSection {
    let mut stack = CoreDumpStackSection::new("main");
    for frame in dump.frames() {
        let is_in = |instance: &Instance| Module::same(instance.module(store), frame.module());
        let Some(instance) = dump.instances().iter().rposition(is_in) else {
            continue;
        };
        let offset = frame.func_offset();
        let offset = offset.and_then(|offset| u32::try_from(offset).ok());
        let instance = u32::try_from(instance).unwrap_or(u32::MAX);
        stack.frame(instance, frame.func_index(), offset.unwrap_or(0), [], []);
    }
    stack
}

// === impl Held ===

impl Held {
    fn of<T: 'static>(memories: &[Memory], store: &Store<T>) -> Self {
        let mut held = Self {
            memories: MemorySection::new(),
            data: DataSection::new(),
            room: MEMORY_BYTES_MAX,
            left_out: 0,
        };
        for (number, memory) in (0_u32..).zip(memories) {
            let kind = memory.ty(store);
            held.memories.memory(MemoryType {
                minimum: memory.size(store),
                maximum: kind.maximum(),
                memory64: kind.is_64(),
                shared: kind.is_shared(),
                page_size_log2: None,
            });
            let pieces = (0_u64..).step_by(PIECE_BYTES);
            for (offset, piece) in pieces.zip(memory.data(store).chunks(PIECE_BYTES)) {
                held.add(number, kind.is_64(), offset, piece);
            }
        }
        held
    }

    /// Adds what stands between the zeros of a piece.
    fn add(&mut self, memory: u32, is_64: bool, offset: u64, piece: &[u8]) {
        let is_held = |byte: &u8| *byte != 0;
        let (Some(first), Some(last)) = (
            piece.iter().position(is_held),
            piece.iter().rposition(is_held),
        ) else {
            return;
        };
        // A piece takes the room of a whole one, so that their number is bounded too.
        let Some(room) = self.room.checked_sub(PIECE_BYTES) else {
            self.left_out += last + 1 - first;
            return;
        };
        self.room = room;
        let offset = offset + first as u64;
        // Addresses are unsigned, and written as signed numbers of the same bits.
        let offset = match is_64 {
            true => ConstExpr::i64_const(offset as i64),
            false => ConstExpr::i32_const(offset as u32 as i32),
        };
        let bytes = piece[first..=last].iter().copied();
        self.data.active(memory, &offset, bytes);
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{KnownCustom, Parser, Payload};

    use super::*;

    fn empty() -> Held {
        Held {
            memories: MemorySection::new(),
            data: DataSection::new(),
            room: 2 * PIECE_BYTES,
            left_out: 0,
        }
    }

    #[test]
    fn zeros_take_no_room_and_what_has_none_is_counted() {
        let mut held = empty();
        held.add(0, false, 0, &[0; PIECE_BYTES]);
        assert_eq!((held.data.len(), held.left_out), (0, 0));
        for _ in 0..3 {
            held.add(0, false, 0, &[0, 7, 0, 7, 0]);
        }
        assert_eq!((held.data.len(), held.left_out), (2, 3));
    }

    #[test]
    fn a_core_is_a_module_that_readers_know() {
        let mut held = empty();
        held.memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        held.add(0, false, 65_000, &[0, 1, 2, 0]);
        let mut core = Encoder::new();
        core.section(&CoreDumpSection::new("guest"))
            .section(&held.memories)
            .section(&held.data)
            .section(CoreDumpModulesSection::new().module("main"))
            .section(CoreDumpInstancesSection::new().instance(0, [0], []))
            .section(CoreDumpStackSection::new("main").frame(0, 5, 9, [], []));
        let bytes = core.finish();
        let mut seen = Vec::new();
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload.expect("it is a module") {
                Payload::DataSection(data) => {
                    for segment in data {
                        seen.push(segment.expect("it is a segment").data.len());
                    }
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::CoreDumpStack(stack) = section.as_known() {
                        seen.push(stack.frames.len());
                    }
                }
                _ => {}
            }
        }
        assert_eq!(seen, [2, 1]);
    }
}
