//! `wasi:filesystem/types` of October 2023, which has permissions and locks beside what 0.2 has. There are none here:
//! modes are taken and mean nothing, as they did in every host of that time, and the rest is `unsupported`.

use wasmtime::StoreContextMut;
use wasmtime::component::{
    ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, flags,
};
use wasmtime_wasi::filesystem::WasiFilesystemView;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DirectoryEntryStream, ErrorCode, Host, HostDescriptor,
    HostDirectoryEntryStream, OpenFlags, PathFlags,
};

use super::Outcome;
use crate::instance::State;

flags! {
    Modes {
        #[component(name = "readable")]
        const READABLE;
        #[component(name = "writable")]
        const WRITABLE;
        #[component(name = "executable")]
        const EXECUTABLE;
    }
}

/// What a guest asks of a file before it opens it.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum AccessType {
    #[component(name = "access")]
    Access(Modes),
    #[component(name = "exists")]
    Exists,
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.2.0-rc-2023-10-18")?;
    resources!(types, filesystem, {
        "descriptor" => Descriptor, HostDescriptor;
        "directory-entry-stream" => DirectoryEntryStream, HostDirectoryEntryStream;
    });
    functions!(types, filesystem, {
        "filesystem-error-code" (error) => value Host::filesystem_error_code;
        "[method]directory-entry-stream.read-directory-entry" (this) => later HostDirectoryEntryStream::read_directory_entry;
        "[method]descriptor.read-via-stream" (this, offset) => word HostDescriptor::read_via_stream;
        "[method]descriptor.write-via-stream" (this, offset) => word HostDescriptor::write_via_stream;
        "[method]descriptor.append-via-stream" (this) => word HostDescriptor::append_via_stream;
        "[method]descriptor.advise" (this, offset, length, advice) => later HostDescriptor::advise;
        "[method]descriptor.sync-data" (this) => later HostDescriptor::sync_data;
        "[method]descriptor.get-flags" (this) => later HostDescriptor::get_flags;
        "[method]descriptor.get-type" (this) => later HostDescriptor::get_type;
        "[method]descriptor.set-size" (this, size) => later HostDescriptor::set_size;
        "[method]descriptor.set-times" (this, access, modification) => later HostDescriptor::set_times;
        "[method]descriptor.read" (this, length, offset) => later HostDescriptor::read;
        "[method]descriptor.write" (this, buffer, offset) => later HostDescriptor::write;
        "[method]descriptor.read-directory" (this) => later HostDescriptor::read_directory;
        "[method]descriptor.sync" (this) => later HostDescriptor::sync;
        "[method]descriptor.stat" (this) => later HostDescriptor::stat;
        "[method]descriptor.is-same-object" (this, other) => later_value HostDescriptor::is_same_object;
        "[method]descriptor.metadata-hash" (this) => later HostDescriptor::metadata_hash;
    });
    beneath(&mut types)?;
    opened(&mut types)?;
    unsupported(&mut types)
}

/// Links what a directory does by a path.
fn beneath(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions!(types, filesystem, {
        "[method]descriptor.create-directory-at" (this, path) => later HostDescriptor::create_directory_at;
        "[method]descriptor.stat-at" (this, flags, path) => later HostDescriptor::stat_at;
        "[method]descriptor.set-times-at" (this, flags, path, access, modification) => later HostDescriptor::set_times_at;
        "[method]descriptor.link-at" (this, flags, path, other, other_path) => later HostDescriptor::link_at;
        "[method]descriptor.readlink-at" (this, path) => later HostDescriptor::readlink_at;
        "[method]descriptor.remove-directory-at" (this, path) => later HostDescriptor::remove_directory_at;
        "[method]descriptor.rename-at" (this, path, other, other_path) => later HostDescriptor::rename_at;
        "[method]descriptor.symlink-at" (this, path, other_path) => later HostDescriptor::symlink_at;
        "[method]descriptor.unlink-file-at" (this, path) => later HostDescriptor::unlink_file_at;
        "[method]descriptor.metadata-hash-at" (this, flags, path) => later HostDescriptor::metadata_hash_at;
    });
    Ok(())
}

fn opened(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type Open = (
        Resource<Descriptor>,
        PathFlags,
        String,
        OpenFlags,
        DescriptorFlags,
        Modes,
    );
    types.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>, (this, at, path, how, flags, _): Open| {
            Box::new(async move {
                let mut files = store.data_mut().filesystem();
                let opened = HostDescriptor::open_at(&mut files, this, at, path, how, flags).await;
                Ok::<_, wasmtime::Error>((opened.settled()?,))
            })
        },
    )
}

fn unsupported(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]descriptor.access-at",
        |_: StoreContextMut<'_, State>,
         _: (Resource<Descriptor>, PathFlags, String, AccessType)| {
            Ok((Err::<(), _>(ErrorCode::Unsupported),))
        },
    )?;
    for name in [
        "[method]descriptor.change-file-permissions-at",
        "[method]descriptor.change-directory-permissions-at",
    ] {
        types.func_wrap(
            name,
            |_: StoreContextMut<'_, State>, _: (Resource<Descriptor>, PathFlags, String, Modes)| {
                Ok((Err::<(), _>(ErrorCode::Unsupported),))
            },
        )?;
    }
    for name in [
        "[method]descriptor.lock-shared",
        "[method]descriptor.lock-exclusive",
        "[method]descriptor.try-lock-shared",
        "[method]descriptor.try-lock-exclusive",
        "[method]descriptor.unlock",
    ] {
        types.func_wrap(
            name,
            |_: StoreContextMut<'_, State>, _: (Resource<Descriptor>,)| {
                Ok((Err::<(), _>(ErrorCode::Unsupported),))
            },
        )?;
    }
    Ok(())
}
