//! What SQLite asks before it compiles a statement, and while it runs one: may it, and is it still wanted?
//!
//! Only what is known to be harmless is allowed. The name of the view or trigger that an access comes from is not
//! trusted: a guest can name a common table expression like one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use stoa_manifest::grants::Access;

use crate::sql::Rules;

/// Said of tables that are missing and of those that were not granted, so that one cannot tell them apart.
pub(super) const HIDDEN: &str =
    "the statement names a table or column that does not exist or is not granted";
/// Said of what no guest may do.
const FORBIDDEN: &str = "no component may do this";
/// Said of changes where only reading is allowed.
pub(super) const READS_ONLY: &str = "this call may only read";
const NO_SCHEMA: &str = "the schema may not be changed";

/// Instructions between two looks at whether the statement is still wanted: some microseconds.
const INSTRUCTIONS_PER_LOOK: i32 = 1000;
/// Tables of Stoa's own.
const OWN_PREFIX: &str = "stoa_";
/// Tables of SQLite that tell its schema.
const CATALOGS: [&str; 4] = [
    "sqlite_master",
    "sqlite_schema",
    "sqlite_temp_master",
    "sqlite_temp_schema",
];
/// Tables without a schema that read files, other tables' pages or other statements.
const DIAGNOSTICS: [&str; 7] = [
    "dbstat",
    "sqlite_dbpage",
    "sqlite_stmt",
    "sqlite_memstat",
    "bytecode",
    "tables_used",
    "fts3tokenize",
];
/// Functions that look like tables and see only their arguments.
const TABLE_FUNCTIONS: [&str; 2] = ["json_each", "json_tree"];
/// Functions that reach out of the database.
const FUNCTIONS_DENIED: [&str; 5] = [
    "load_extension",
    "fts3_tokenizer",
    "readfile",
    "writefile",
    "edit",
];
/// Settings that only tell the schema. They are as good as its catalog.
const PRAGMAS: [&str; 7] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
];

/// Shared by a connection's thread and the hooks of the connection, which run on that thread.
pub(super) struct Guard(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Whom the statement is run for; `None` for the host itself, which may do everything and is never interrupted.
    rules: Option<Arc<Rules>>,
    /// Gone when nobody waits for the statement.
    caller: Weak<()>,
    /// When the transaction or cursor is over.
    end: Option<Instant>,
    seen: Seen,
    refusal: Option<&'static str>,
}

/// What the statement that is being compiled was seen to do so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    selecting: bool,
    defining: bool,
    altering: bool,
    inserting: bool,
}

impl Guard {
    /// Installs the hooks.
    pub(super) fn on(connection: &Connection) -> rusqlite::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let asked = Arc::clone(&state);
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            lock(&asked).authorize(context)
        }))?;
        let looked = Arc::clone(&state);
        connection
            .progress_handler(INSTRUCTIONS_PER_LOOK, Some(move || lock(&looked).is_over()))?;
        Ok(Self(state))
    }

    /// From here on, statements are those of a guest.
    pub(super) fn enter(&self, rules: &Arc<Rules>, caller: Weak<()>) {
        let mut state = lock(&self.0);
        state.rules = Some(Arc::clone(rules));
        state.caller = caller;
    }

    /// From here on, statements are the host's own. Answers the rules there were.
    pub(super) fn leave(&self) -> Option<Arc<Rules>> {
        lock(&self.0).rules.take()
    }

    /// Goes back to the rules that [`Self::leave`] answered.
    pub(super) fn restore(&self, rules: Option<Arc<Rules>>) {
        lock(&self.0).rules = rules;
    }

    /// Statements are interrupted at `end`.
    pub(super) fn end(&self, end: Option<Instant>) {
        lock(&self.0).end = end;
    }

    /// Forgets what was seen of the statement before.
    pub(super) fn next_statement(&self) {
        let mut state = lock(&self.0);
        state.seen = Seen::default();
        state.refusal = None;
    }

    /// Why the statement was refused, if it was.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        lock(&self.0).refusal
    }

    /// Whether the statement that was compiled last inserts rows.
    pub(super) fn inserting(&self) -> bool {
        lock(&self.0).seen.inserting
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn is_over(&self) -> bool {
        let late = self.end.is_some_and(|end| Instant::now() >= end);
        self.rules.is_some() && (late || self.caller.strong_count() == 0)
    }

    fn authorize(&mut self, context: AuthContext<'_>) -> Authorization {
        let Some(rules) = self.rules.clone() else {
            return Authorization::Allow;
        };
        // `CREATE TABLE temp.x` is no `CREATE TEMP TABLE` to SQLite; only altering looks into that database by itself.
        let temporary = context.database_name == Some("temp") && !self.seen.altering;
        let verdict = match temporary {
            true => Err(FORBIDDEN),
            false => self.seen.verdict(&rules, &context.action),
        };
        match verdict {
            Ok(()) => Authorization::Allow,
            Err(reason) => {
                self.refusal.get_or_insert(reason);
                Authorization::Deny
            }
        }
    }
}

type Verdict = Result<(), &'static str>;

impl Seen {
    fn verdict(&mut self, rules: &Rules, action: &AuthAction<'_>) -> Verdict {
        match action {
            AuthAction::Select => {
                self.selecting = true;
                Ok(())
            }
            AuthAction::Recursive => Ok(()),
            AuthAction::Function { function_name } => call(rules, function_name),
            AuthAction::Read { table_name, .. } => self.read(rules, table_name),
            AuthAction::Insert { table_name } => {
                self.inserting |= !is_internal(table_name);
                self.write(rules, table_name)
            }
            AuthAction::Update { table_name, .. } | AuthAction::Delete { table_name } => {
                self.write(rules, table_name)
            }
            AuthAction::Pragma { pragma_name, .. } => self.pragma(rules, pragma_name),
            AuthAction::Reindex { .. } => writes_schema(rules),
            _ => self.define_by(rules, action),
        }
    }

    /// Changes of the schema; whatever is not listed is forbidden.
    fn define_by(&mut self, rules: &Rules, action: &AuthAction<'_>) -> Verdict {
        match action {
            AuthAction::CreateTable { table_name }
            | AuthAction::DropTable { table_name }
            | AuthAction::CreateIndex { table_name, .. }
            | AuthAction::DropIndex { table_name, .. } => self.define(rules, table_name),
            AuthAction::CreateView { view_name } | AuthAction::DropView { view_name } => {
                self.define(rules, view_name)
            }
            // A trigger runs with the rights of whoever changes the table, which may be more than its author's.
            AuthAction::CreateTrigger { .. } if rules.tables.is_some() => Err(FORBIDDEN),
            AuthAction::CreateTrigger { table_name, .. }
            | AuthAction::DropTrigger { table_name, .. } => self.define(rules, table_name),
            AuthAction::AlterTable { table_name, .. } => {
                self.altering = true;
                self.define(rules, table_name)
            }
            _ => Err(FORBIDDEN),
        }
    }

    fn define(&mut self, rules: &Rules, table: &str) -> Verdict {
        writes_schema(rules)?;
        // SQLite makes tables of its own for some of its features.
        if !(self.defining && is_internal(table)) {
            granted(rules, table)?;
        }
        self.defining = true;
        Ok(())
    }

    fn read(&self, rules: &Rules, table: &str) -> Verdict {
        let name = table.to_ascii_lowercase();
        let name = name.as_str();
        if CATALOGS.contains(&name) {
            // Every change of the schema reads the catalog; a guest's own reading starts with a select.
            let own = self.altering || (self.defining && !self.selecting);
            return match rules.tables.is_none() || own {
                true => Ok(()),
                false => Err(HIDDEN),
            };
        }
        let internal = self.altering && name == "pragma_quick_check";
        match internal || TABLE_FUNCTIONS.contains(&name) || (self.defining && is_internal(name)) {
            true => Ok(()),
            false => granted(rules, name),
        }
    }

    fn write(&self, rules: &Rules, table: &str) -> Verdict {
        if rules.access == Access::Read {
            return Err(READS_ONLY);
        }
        let name = table.to_ascii_lowercase();
        if CATALOGS.contains(&name.as_str()) {
            // What a statement writes there directly is refused by SQLite itself.
            return writes_schema(rules);
        }
        match is_internal(&name) {
            true if self.defining => Ok(()),
            true => Err(FORBIDDEN),
            false => granted(rules, &name),
        }
    }

    fn pragma(&self, rules: &Rules, name: &str) -> Verdict {
        let name = name.to_ascii_lowercase();
        let tells = rules.tables.is_none() && PRAGMAS.contains(&name.as_str());
        match tells || (self.altering && name == "quick_check") {
            true => Ok(()),
            false => Err(FORBIDDEN),
        }
    }
}

fn is_internal(table: &str) -> bool {
    table
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"))
}

fn writes_schema(rules: &Rules) -> Verdict {
    match (rules.access, rules.schema) {
        (Access::Read, _) => Err(READS_ONLY),
        (Access::ReadWrite, false) => Err(NO_SCHEMA),
        (Access::ReadWrite, true) => Ok(()),
    }
}

fn granted(rules: &Rules, table: &str) -> Verdict {
    let name = table.to_ascii_lowercase();
    if name.starts_with(OWN_PREFIX) || DIAGNOSTICS.contains(&name.as_str()) {
        return Err(HIDDEN);
    }
    match &rules.tables {
        Some(tables) if !tables.contains(&name) => Err(HIDDEN),
        _ => Ok(()),
    }
}

fn call(rules: &Rules, function: &str) -> Verdict {
    let name = function.to_ascii_lowercase();
    // With a new name, a granted table would no longer be one.
    let renames = rules.tables.is_some() && name == "sqlite_rename_table";
    match renames || FUNCTIONS_DENIED.contains(&name.as_str()) {
        true => Err(FORBIDDEN),
        false => Ok(()),
    }
}
