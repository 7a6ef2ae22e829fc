//! A store as a component has it: what is declared of it is what may be done with it, and requests are checked as in the
//! host.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::blob::{Condition, Info, OPEN_MAX, Options, Page, Part, Place, Range};
use crate::check;
use crate::database::Database;
use crate::error::Error;
use crate::grants::{Access, Grant, Grants};
use crate::index::Index;
use crate::leftovers;
use crate::reader::Reader;
use crate::schema;
use crate::writer::Writer;

/// What all stores of this instance share.
pub(crate) struct Shared<D> {
    pub(crate) database: D,
    grants: Grants,
    /// Whether the tables are there.
    prepared: Cell<bool>,
    /// What is open, by label.
    open: RefCell<BTreeMap<String, Rc<Open>>>,
}

/// How many readers and writers of a store are open.
#[derive(Default)]
struct Open {
    readers: Rc<Cell<usize>>,
    writers: Rc<Cell<usize>>,
}

/// A place among those that are open at once. Given back when it is dropped.
pub(crate) struct Taken(Rc<Cell<usize>>);

/// An open store.
pub(crate) struct Store<D> {
    label: Rc<str>,
    shared: Rc<Shared<D>>,
    open: Rc<Open>,
}

impl<D> Shared<D> {
    pub(crate) fn new(database: D, grants: Grants) -> Self {
        Self {
            database,
            grants,
            prepared: Cell::new(false),
            open: RefCell::default(),
        }
    }
}

impl Taken {
    fn of(places: &Rc<Cell<usize>>, what: &'static str) -> Result<Self, Error> {
        if places.get() >= OPEN_MAX {
            return Err(Error::Quota(what));
        }
        places.set(places.get() + 1);
        Ok(Self(Rc::clone(places)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<D: Database> Store<D> {
    /// Opens what is declared under a label. Asks nothing of the database.
    pub(crate) fn open(shared: Rc<Shared<D>>, label: &str) -> Result<Self, Error> {
        shared.grants.store(label)?;
        let open = Rc::clone(
            shared
                .open
                .borrow_mut()
                .entry(label.to_owned())
                .or_default(),
        );
        Ok(Self {
            label: label.into(),
            shared,
            open,
        })
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn head(&self, place: &Place) -> Result<Option<Info>, Error> {
        self.visible(place)?;
        let found = self.index()?.find(place)?;
        Ok(found.map(|found| found.info))
    }

    pub(crate) fn get(&self, place: &Place, part: Part) -> Result<Reader<D>, Error> {
        self.visible(place)?;
        let taken = Taken::of(&self.open.readers, "readers")?;
        let found = self.index()?.find(place)?;
        let found = found.ok_or_else(|| Error::NotFound(place.name.clone()))?;
        Ok(Reader::new(Rc::clone(&self.shared), found, part, taken))
    }

    pub(crate) fn list(&self, container: &str, range: &Range) -> Result<Page, Error> {
        self.contains(container)?;
        check::range(range)?;
        self.index()?.page(container, range)
    }

    pub(crate) fn put(&self, place: Place, options: Options) -> Result<Writer<D>, Error> {
        let grant = self.writable()?;
        self.visible(&place)?;
        check::options(&options, grant.bytes_max())?;
        let taken = Taken::of(&self.open.writers, "writers")?;
        self.index()?.check(&place, &options.condition)?;
        self.sweep();
        let (shared, label) = (Rc::clone(&self.shared), Rc::clone(&self.label));
        Writer::begin(shared, label, place, options, grant.bytes_max(), taken)
    }

    pub(crate) fn copy(
        &self,
        source: &Place,
        target: &Place,
        condition: &Condition,
    ) -> Result<Info, Error> {
        let bytes_max = self.writable()?.bytes_max();
        self.visible(source)?;
        self.visible(target)?;
        self.index()?.copy(source, target, bytes_max, condition)
    }

    pub(crate) fn delete(&self, place: &Place) -> Result<bool, Error> {
        self.writable()?;
        self.visible(place)?;
        let deleted = self.index()?.delete(place)?;
        self.sweep();
        Ok(deleted)
    }

    /// Nobody on Spin would answer a URL.
    pub(crate) fn url(&self, place: &Place) -> Result<String, Error> {
        self.visible(place)?;
        Err(Error::not_portable("a URL that is its own permission"))
    }

    fn grant(&self) -> Result<&Grant, Error> {
        self.shared.grants.store(&self.label)
    }

    fn index(&self) -> Result<Index<'_, D>, Error> {
        let database = &self.shared.database;
        if !self.shared.prepared.get() {
            schema::prepare(database)?;
            self.shared.prepared.set(true);
        }
        Ok(Index {
            database,
            store: &self.label,
        })
    }

    /// What was asked for does not depend on it.
    fn sweep(&self) {
        if let Err(error) = leftovers::sweep(&self.shared.database) {
            eprintln!("blobs: what is left over stays for now: {error}");
        }
    }

    fn writable(&self) -> Result<&Grant, Error> {
        let grant = self.grant()?;
        match grant.access {
            Access::ReadWrite => Ok(grant),
            Access::Read => Err(Error::Denied(format!("`{}` may only be read", self.label))),
        }
    }

    fn visible(&self, place: &Place) -> Result<(), Error> {
        self.contains(&place.container)?;
        check::name(&place.name)
    }

    /// Whether a container is there is never looked at, so that those that are not granted answer alike.
    fn contains(&self, container: &str) -> Result<(), Error> {
        let granted = &self.grant()?.containers;
        match granted.iter().any(|granted| granted == container) {
            true => Ok(()),
            false => Err(Error::Denied(format!(
                "`{}` is granted with other containers",
                self.label
            ))),
        }
    }
}
