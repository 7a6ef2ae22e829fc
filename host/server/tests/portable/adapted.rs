//! An application of one guest, one of whose nouns is served by the host or by an adapter.

use stoa_testkit::{Host, Launch, probe};

use crate::application::{Call, ask, configured};

/// An application of one guest.
#[derive(Clone, Copy)]
pub(crate) struct Adapted<'a> {
    pub(crate) guest: &'a str,
    /// `blobs`, `sql` or `identity`.
    pub(crate) noun: &'a str,
    /// What stands below the grant of the label `default`.
    pub(crate) grant: &'a str,
    /// A line of the component.
    pub(crate) databases: &'a str,
    /// The variables that the adapter reads.
    pub(crate) variables: &'a [(&'a str, &'a str)],
    pub(crate) inherited: &'a str,
}

impl Adapted<'_> {
    pub(crate) fn launch(&self) -> Launch {
        let Self {
            noun,
            grant,
            databases,
            inherited,
            ..
        } = self;
        let variables: String = self
            .variables
            .iter()
            .map(|(name, value)| format!("{name} = '''{value}'''\n"))
            .collect();
        let variables = match variables.is_empty() {
            true => variables,
            false => format!("[component.guest.variables]\n{variables}"),
        };
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
             [component.guest]\nsource = \"{source}\"\n{databases}\n{variables}\
             [component.guest.dependencies]\n\
             \"stoa:{noun}@0.1.0\" = {{ path = \"{adapter}\", inherit_configuration = {inherited} }}\n\
             [component.guest.tool.stoa]\nschema = 1\n\
             [component.guest.tool.stoa.grants.{noun}.default]\n{grant}\n",
            source = probe(self.guest).display(),
            adapter = probe(&format!("{noun}-adapter")).display(),
        );
        configured(&manifest, self.noun)
    }

    pub(crate) fn native(&self) -> Host {
        self.launch().start()
    }

    pub(crate) fn portable(&self) -> Host {
        self.launch().arguments(&["--portable"]).start()
    }

    /// What both runs answer to the same calls, in order: all of an answer, and of a refusal its word.
    #[track_caller]
    pub(crate) fn assert_same(&self, calls: &[Call<'_>]) {
        let (native, portable) = (self.native(), self.portable());
        for call in calls {
            let expected = told(ask(&native, *call));
            let guest = self.guest;
            assert_eq!(told(ask(&portable, *call)), expected, "{guest}: {call:?}");
            assert_ne!(expected.0, 400, "{guest} understands {call:?}");
        }
    }

    /// A start that must fail, and why.
    #[track_caller]
    pub(crate) fn assert_not_inherited(&self, field: &str) {
        let ended = self.launch().arguments(&["--portable"]).fail();
        assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
        let told = format!("does not inherit `{field}`");
        assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    }
}

/// The words of the two may differ where they say why; which refusal it is may not.
fn told((status, text): (u16, String)) -> (u16, String) {
    match status {
        403 | 500 => {
            let word = text.split(':').next().unwrap_or_default();
            (status, word.to_owned())
        }
        _ => (status, text),
    }
}
