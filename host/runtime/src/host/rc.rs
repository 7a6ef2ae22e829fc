//! Release candidates of WASI that components in use were built with: two of 0.2 from 2023, one of 0.3 from 2026.
//!
//! What has the shape of the final version is that version (`names`). The rest is linked here under its own name, a line
//! per function, to what wasmtime has for 0.2, with its types: the linker holds them against what a component imports.
//! So grants, limits and refusals are those of 0.2. What no later version can do is refused in the interface's own words.

/// Links functions of `$instance` to those of a trait of 0.2, which `$view` of the store's data implements:
/// `"name" (arguments) => kind Trait::function`. The kind says what becomes of the outcome:
///
/// - `value`: it is the result; the error, if any, ends the guest
/// - `word`: it is the result, and so is an error of the interface
/// - `done`: there is no result; any error ends the guest
/// - `fields`: `done` where the error is one of headers
/// - `later` and `later_value`: `word` and `value` of what has to be waited for
macro_rules! functions {
    ($instance:ident, $view:ident, { $($name:literal ($($argument:ident),*) => $kind:ident $trait:ident::$function:ident;)* }) => {
        $(functions!(@$kind $instance, $view, $name, ($($argument),*), $trait, $function);)*
    };
    (@value $instance:ident, $view:ident, $name:literal, ($($argument:ident),*), $trait:ident, $function:ident) => {
        $instance.func_wrap($name, |mut store: StoreContextMut<'_, State>, ($($argument,)*)| {
            Ok(($trait::$function(&mut store.data_mut().$view(), $($argument),*)?,))
        })?;
    };
    (@word $instance:ident, $view:ident, $name:literal, ($($argument:ident),*), $trait:ident, $function:ident) => {
        $instance.func_wrap($name, |mut store: StoreContextMut<'_, State>, ($($argument,)*)| {
            let outcome = $trait::$function(&mut store.data_mut().$view(), $($argument),*);
            Ok((outcome.settled()?,))
        })?;
    };
    (@done $instance:ident, $view:ident, $name:literal, ($($argument:ident),*), $trait:ident, $function:ident) => {
        $instance.func_wrap($name, |mut store: StoreContextMut<'_, State>, ($($argument,)*)| {
            $trait::$function(&mut store.data_mut().$view(), $($argument),*)?;
            Ok(())
        })?;
    };
    (@fields $instance:ident, $view:ident, $name:literal, ($($argument:ident),*), $trait:ident, $function:ident) => {
        $instance.func_wrap($name, |mut store: StoreContextMut<'_, State>, ($($argument,)*)| {
            $trait::$function(&mut store.data_mut().$view(), $($argument),*).map_err(fatal)?;
            Ok(())
        })?;
    };
    (@later $instance:ident, $view:ident, $name:literal, ($($argument:ident),*), $trait:ident, $function:ident) => {
        $instance.func_wrap_async($name, |mut store: StoreContextMut<'_, State>, ($($argument,)*)| {
            Box::new(async move {
                let outcome = $trait::$function(&mut store.data_mut().$view(), $($argument),*).await;
                Ok::<_, wasmtime::Error>((outcome.settled()?,))
            })
        })?;
    };
    (@later_value $instance:ident, $view:ident, $name:literal, ($($argument:ident),*), $trait:ident, $function:ident) => {
        $instance.func_wrap_async($name, |mut store: StoreContextMut<'_, State>, ($($argument,)*)| {
            Box::new(async move {
                let outcome = $trait::$function(&mut store.data_mut().$view(), $($argument),*).await;
                Ok::<_, wasmtime::Error>((outcome?,))
            })
        })?;
    };
}

/// Links resources of `$instance` to those of 0.2: `"name" => Type, Trait`, whose `drop` ends one.
macro_rules! resources {
    ($instance:ident, $view:ident, { $($name:literal => $type:ident, $trait:ident;)* }) => {
        $($instance.resource($name, ResourceType::host::<$type>(), |mut store: StoreContextMut<'_, State>, rep: u32| {
            $trait::drop(&mut store.data_mut().$view(), Resource::<$type>::new_own(rep))
        })?;)*
    };
}

mod clocks;
mod filesystem;
mod http;
mod io;
mod names;
mod sockets;

use std::error::Error;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{TrappableError, WasiView};

use crate::instance::State;

pub(crate) use names::{finalised, finalised_name, imported_names};

/// What Spin 2.0 had.
const OCTOBER: &str = "0.2.0-rc-2023-10-18";
/// What Spin 2.1 had.
const NOVEMBER: &str = "0.2.0-rc-2023-11-10";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    clocks::add_to_linker(linker)?;
    filesystem::add_to_linker(linker)?;
    http::add_to_linker(linker)?;
    io::add_to_linker(linker)?;
    sockets::add_to_linker(linker)
}

/// The view of what needs nothing but the table of resources.
trait TableView {
    fn table(&mut self) -> &mut ResourceTable;
}

impl TableView for State {
    fn table(&mut self) -> &mut ResourceTable {
        self.ctx().table
    }
}

/// An outcome whose error is the interface's, or else ends the guest.
trait Outcome {
    type Value;
    type Error;

    /// What the guest is told.
    ///
    /// # Errors
    /// When the guest is not told, but ended.
    fn settled(self) -> wasmtime::Result<Result<Self::Value, Self::Error>>;
}

impl<T, E: Error + Send + Sync + 'static> Outcome for Result<T, TrappableError<E>> {
    type Value = T;
    type Error = E;

    fn settled(self) -> wasmtime::Result<Result<T, E>> {
        match self {
            Ok(value) => Ok(Ok(value)),
            Err(error) => error.downcast().map(Err),
        }
    }
}
