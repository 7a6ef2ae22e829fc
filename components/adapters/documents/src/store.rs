//! A store as a component has it: what is declared of it is what may be done with it, and requests are checked as in the
//! host.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use stoa_documents::{
    Bucket, DOCUMENT_BYTES_MAX, Document, Error as Documents, Facet, Filter, Page, Precondition,
    Query, Update, Version, Write, checks,
};
use stoa_manifest::grants::Access;
use stoa_manifest::grants::documents::Grant;

use crate::database::Database;
use crate::error::Error;
use crate::schema::Schema;
use crate::table::Table;
use crate::{change, facets, find};

/// What all stores of this instance share.
pub(crate) struct Shared<D> {
    pub(crate) database: D,
    pub(crate) schema: Schema,
    /// The tables that are there, with their indexes.
    prepared: RefCell<BTreeSet<String>>,
}

impl<D> Shared<D> {
    pub(crate) fn new(database: D, schema: Schema) -> Self {
        Self {
            database,
            schema,
            prepared: RefCell::default(),
        }
    }
}

/// An open store.
pub(crate) struct Store<D> {
    label: String,
    shared: Rc<Shared<D>>,
}

impl<D: Database> Store<D> {
    /// Opens what is declared under a label.
    pub(crate) fn open(shared: Rc<Shared<D>>, label: String) -> Result<Self, Error> {
        shared.schema.store(&label)?;
        Ok(Self { label, shared })
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn get(
        &self,
        collection: &str,
        ids: &[String],
    ) -> Result<Vec<Option<Document>>, Error> {
        let table = self.table(collection)?;
        checks::documents(ids.len())?;
        ids.iter().try_for_each(|id| checks::id(id))?;
        find::get(&self.shared.database, &table, ids)
    }

    pub(crate) fn find(&self, collection: &str, query: &Query) -> Result<Page, Error> {
        let table = self.table(collection)?;
        checks::query(query)?;
        find::find(&self.shared.database, &table, query)
    }

    pub(crate) fn count(
        &self,
        collection: &str,
        filter: &Filter,
        search: Option<&str>,
    ) -> Result<u64, Error> {
        let table = self.table(collection)?;
        checks::search(search)?;
        find::count(&self.shared.database, &table, filter, search)
    }

    pub(crate) fn facets(
        &self,
        collection: &str,
        filter: &Filter,
        search: Option<&str>,
        wanted: &[Facet],
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        let table = self.table(collection)?;
        checks::search(search)?;
        checks::facets(wanted)?;
        facets::facets(&self.shared.database, &table, filter, search, wanted)
    }

    /// A document that is wrong in itself is refused by itself, too.
    pub(crate) fn put(
        &self,
        collection: &str,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<Version, Error>>, Error> {
        let table = self.table(collection)?;
        self.writable()?;
        checks::documents(writes.len())?;
        checks::batch(&writes)?;
        let checked = checks::writes(&writes, self.document_bytes_max());
        let good = checks::good(writes, &checked);
        let written = change::put(&self.shared.database, &table, &good)?;
        let mut written = written.into_iter();
        let outcomes = checked.into_iter().map(|checked| match checked {
            Ok(()) => written.next().unwrap_or_else(|| Err(Error::unavailable())),
            Err(error) => Err(error.into()),
        });
        Ok(outcomes.collect())
    }

    pub(crate) fn find_and_update(
        &self,
        collection: &str,
        mut update: Update,
    ) -> Result<Option<Document>, Error> {
        let table = self.table(collection)?;
        self.writable()?;
        checks::update(&update)?;
        update.document_bytes_max = update.document_bytes_max.min(self.document_bytes_max());
        change::update(&self.shared.database, &table, &update)
    }

    pub(crate) fn delete(
        &self,
        collection: &str,
        id: &str,
        precondition: Precondition,
    ) -> Result<bool, Error> {
        let table = self.table(collection)?;
        self.writable()?;
        checks::id(id)?;
        change::delete(&self.shared.database, &table, id, precondition)
    }

    pub(crate) fn delete_matching(
        &self,
        collection: &str,
        filter: &Filter,
        limit: usize,
    ) -> Result<usize, Error> {
        let table = self.table(collection)?;
        self.writable()?;
        checks::documents(limit)?;
        change::delete_matching(&self.shared.database, &table, filter, limit)
    }

    fn grant(&self) -> Result<&Grant, Error> {
        self.shared.schema.store(&self.label)
    }

    fn document_bytes_max(&self) -> usize {
        let granted = self.grant().ok().and_then(|grant| grant.document_bytes_max);
        granted
            .and_then(|bytes| usize::try_from(bytes).ok())
            .map_or(DOCUMENT_BYTES_MAX, |bytes| bytes.min(DOCUMENT_BYTES_MAX))
    }

    fn writable(&self) -> Result<(), Error> {
        match self.grant()?.access {
            Access::ReadWrite => Ok(()),
            Access::Read => {
                let why = format!("`{}` may only be read", self.label);
                Err(Documents::Denied(why).into())
            }
        }
    }

    /// A collection that is declared, with its table and indexes. What is not declared does not exist.
    fn table(&self, collection: &str) -> Result<Table<'_>, Error> {
        let declared = self.grant()?.collections.get(collection);
        let declared = declared.ok_or_else(|| {
            let why = format!("no such collection is granted of `{}`", self.label);
            Error::from(Documents::Denied(why))
        })?;
        let table = Table::new(&self.label, collection, declared);
        if !self.shared.prepared.borrow().contains(table.name()) {
            table.prepare(&self.shared.database)?;
            let mut prepared = self.shared.prepared.borrow_mut();
            prepared.insert(table.name().to_owned());
        }
        Ok(table)
    }
}
