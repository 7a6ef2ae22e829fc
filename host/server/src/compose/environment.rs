//! An environment with nothing in it, for dependencies that do not inherit one.

use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, CodeSection, Component,
    ComponentAliasSection, ComponentExportKind, ComponentExportSection, ComponentInstanceSection,
    ComponentTypeSection, ComponentValType, ExportKind, ExportSection, Function, FunctionSection,
    InstanceSection, MemorySection, MemoryType, Module, ModuleArg, ModuleSection, PrimitiveValType,
    TypeSection, ValType,
};

/// What it stands in for, in every version.
pub(super) const INTERFACE: &str = "wasi:cli/environment";

/// The instance that it exports. Joining looks at types, not at names, so one serves every version.
pub(super) const EXPORT: &str = "environment";

const NOTHING: &str = "nothing";
const MEMORY: &str = "memory";

/// The component. Its functions have the names of WASI 0.2 and of 0.3.
pub(super) fn empty() -> Vec<u8> {
    let mut component = Component::new();
    component.section(&ModuleSection(&nothing()));
    let mut instances = InstanceSection::new();
    let none: [(&str, ModuleArg); 0] = [];
    instances.instantiate(0, none);
    component.section(&instances);
    component.section(&aliases());
    component.section(&types());
    component.section(&functions());
    let mut instances = ComponentInstanceSection::new();
    instances.export_items([
        ("get-environment", ComponentExportKind::Func, 0),
        ("get-arguments", ComponentExportKind::Func, 1),
        ("initial-cwd", ComponentExportKind::Func, 2),
        ("get-initial-cwd", ComponentExportKind::Func, 2),
    ]);
    component.section(&instances);
    let mut exports = ComponentExportSection::new();
    exports.export(EXPORT, ComponentExportKind::Instance, 0, None);
    component.section(&exports);
    component.finish()
}

/// A function that answers the address of zeros: as a list that is one without entries, as an option it is none.
fn nothing() -> Module {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: Some(1),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export(MEMORY, ExportKind::Memory, 0);
    exports.export(NOTHING, ExportKind::Func, 0);
    let mut function = Function::new([]);
    function.instructions().i32_const(0).end();
    let mut code = CodeSection::new();
    code.function(&function);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&code);
    module
}

fn aliases() -> ComponentAliasSection {
    let mut aliases = ComponentAliasSection::new();
    for (name, kind) in [(MEMORY, ExportKind::Memory), (NOTHING, ExportKind::Func)] {
        aliases.alias(Alias::CoreInstanceExport {
            instance: 0,
            kind,
            name,
        });
    }
    aliases
}

/// The types of the three functions are 2, 4 and 6.
fn types() -> ComponentTypeSection {
    let string = ComponentValType::Primitive(PrimitiveValType::String);
    let mut types = ComponentTypeSection::new();
    types.defined_type().tuple([string, string]);
    types.defined_type().list(ComponentValType::Type(0));
    answers(&mut types, 1);
    types.defined_type().list(string);
    answers(&mut types, 3);
    types.defined_type().option(string);
    answers(&mut types, 5);
    types
}

/// A function without parameters that answers this type.
fn answers(types: &mut ComponentTypeSection, index: u32) {
    let none: [(&str, ComponentValType); 0] = [];
    types
        .function()
        .params(none)
        .result(Some(ComponentValType::Type(index)));
}

fn functions() -> CanonicalFunctionSection {
    let mut functions = CanonicalFunctionSection::new();
    for index in [2, 4, 6] {
        functions.lift(0, index, [CanonicalOption::Memory(0)]);
    }
    functions
}
