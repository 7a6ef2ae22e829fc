//! Every way out of a grant that we could think of, tried in tests: each ends in a typed refusal. The attempts
//! themselves are written in the tests; here they are named, so that one that is gone is missed.

use std::collections::HashMap;

use crate::accept::Shown;
use crate::accept::suite::{CAPABILITIES, GUESTS, Suite};
use crate::stage::Stage;

/// Tests by what they try.
struct Attempts {
    what: &'static str,
    tests: &'static [&'static str],
}

/// Against the stores and the handles in front of them.
const NATIVE: [Attempts; 10] = [
    Attempts {
        what: "ATTACH, PRAGMA, VACUUM INTO, extensions, the schema itself, BEGIN and SAVEPOINT",
        tests: &["sql::embedded::tests::there_is_no_way_out_of_the_file"],
    },
    Attempts {
        what: "other tables through views, CTEs, triggers, catalogues and cached statements",
        tests: &[
            "sql::embedded::tests::names_of_granted_tables_do_not_open_others",
            "sql::embedded::tests::what_one_grant_compiled_is_not_there_for_another",
        ],
    },
    Attempts {
        what: "writes through a read grant of sql, and what does not tell reading from writing",
        tests: &[
            "sql::handle::tests::writes_through_a_read_grant_are_denied_before_the_database_is_asked",
            "sql::handle::tests::what_does_not_tell_reading_from_writing_keeps_to_the_grant",
        ],
    },
    Attempts {
        what: "transactions and statements that do not end, and more of them than allowed",
        tests: &[
            "sql::handle::tests::the_first_error_ends_a_transaction",
            "sql::handle::tests::a_statement_that_never_ends_is_interrupted_at_the_deadline",
            "sql::handle::tests::a_component_has_only_so_many_open",
            "sql::embedded::tests::the_file_grows_to_its_quota_and_shrinks_again",
        ],
    },
    Attempts {
        what: "path tricks in names of blobs",
        tests: &[
            "blobs::check::tests::names_that_are_paths_to_somewhere_else_are_refused",
            "blobs::handle::tests::names_that_are_path_tricks_are_invalid_everywhere",
            "blobs::embedded::tests::no_name_becomes_a_path",
        ],
    },
    Attempts {
        what: "other containers, writes through a read grant, headers in content types",
        tests: &[
            "blobs::handle::tests::other_containers_answer_alike_whether_they_exist",
            "blobs::handle::tests::a_read_grant_changes_nothing",
            "blobs::check::tests::a_content_type_cannot_smuggle_a_header",
        ],
    },
    Attempts {
        what: "URLs that were changed, or signed for more than was granted",
        tests: &[
            "blobs::handle::tests::urls_are_signed_only_as_far_as_granted",
            "blobs::presign::tests::nothing_of_a_url_can_be_changed",
            "blobs::presign::tests::a_url_of_another_key_is_refused",
            "blobs::presign::tests::a_url_is_for_one_method",
        ],
    },
    Attempts {
        what: "collections that were not granted or declared, writes through a read grant of documents",
        tests: &[
            "documents::handle::tests::a_collection_that_was_not_granted_is_denied",
            "documents::handle::tests::a_read_grant_writes_nothing",
            "documents::embedded::tests::a_collection_that_is_not_declared_does_not_exist",
            "cursor::tests::what_is_no_cursor_is_refused",
        ],
    },
    Attempts {
        what: "operations of identity that were not granted, tokens of others, claims of the host",
        tests: &[
            "identity::handle::tests::denied_what_is_not_granted",
            "identity::handle::tests::denied_to_sign_for_longer_or_for_others",
            "identity::handle::tests::a_token_of_another_identity_is_rejected",
            "identity::handle::tests::a_token_for_another_audience_is_rejected",
            "identity::handle::tests::a_token_that_was_changed_is_rejected",
            "identity::tokens::tests::claims_that_are_the_hosts_are_refused",
        ],
    },
    Attempts {
        what: "more than the quotas of each noun",
        tests: &[
            "keyvalue::handle::tests::quotas::a_value_over_the_grant_is_refused",
            "keyvalue::handle::tests::quotas::what_does_not_fit_is_refused_until_something_is_deleted",
            "keyvalue::handle::tests::quotas::calls_over_the_rate_are_refused_and_do_not_reach_the_store",
            "blobs::handle::tests::a_blob_over_the_grant_is_refused_midway_and_when_announced",
            "documents::handle::tests::quotas_are_held",
            "sql::handle::tests::what_is_larger_than_allowed_is_refused",
        ],
    },
];

/// By guests of WASI 0.2 and 0.3, through the interfaces.
const GUEST: [Attempts; 6] = [
    Attempts {
        what: "labels of others",
        tests: &[
            "blobs::denied_when_no_label_is_granted",
            "documents::denied_when_no_label_is_granted",
            "identity::denied_when_no_label_is_granted",
            "keyvalue::denied_when_no_label_is_granted",
            "keyvalue::denied_when_another_label_is_granted",
            "sql::denied_when_the_label_is_not_granted",
        ],
    },
    Attempts {
        what: "ways out of a database, other tables, the schema, and transactions after an error",
        tests: &[
            "sql::what_no_component_may_do_is_denied",
            "sql::other_tables_are_denied_like_missing_ones",
            "sql::denied_to_change_the_schema_without_a_grant_for_it",
            "sql::a_call_that_reads_denies_to_write_whatever_the_grant",
            "sql::an_error_ends_a_transaction_and_undoes_it",
        ],
    },
    Attempts {
        what: "prefix tricks in keys",
        tests: &["keyvalue::keys_outside_the_granted_prefix_do_not_exist"],
    },
    Attempts {
        what: "containers, names, collections and variables of others",
        tests: &[
            "blobs::denied_when_the_container_is_not_granted",
            "blobs::names_that_could_leave_their_place_are_none",
            "documents::denied_when_the_collection_is_not_granted",
            "documents::mistakes_that_the_sdk_cannot_make_are_invalid_too",
            "variables::what_another_component_or_the_application_has_is_undefined",
        ],
    },
    Attempts {
        what: "writes through read grants, and signing for more than was granted",
        tests: &[
            "blobs::denied_to_write_through_a_read_grant",
            "blobs::denied_to_sign_without_a_grant_for_it_or_for_longer",
            "documents::denied_to_write_through_a_read_grant",
            "identity::denied_what_is_not_granted",
            "identity::denied_to_sign_for_longer_or_for_others",
            "keyvalue::writes_are_denied_through_a_read_grant",
            "sql::denied_to_write_through_a_read_grant",
        ],
    },
    Attempts {
        what: "more than the quotas",
        tests: &[
            "blobs::quotas_bite",
            "documents::quotas_bite",
            "identity::quotas_bite",
            "keyvalue::writes_over_the_quota_are_refused_until_there_is_room",
            "keyvalue::calls_over_the_rate_are_refused",
            "sql::quotas_bite",
            "sql::a_statement_that_does_not_end_is_ended",
        ],
    },
];

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let native = tried(stage, &CAPABILITIES, &NATIVE)?;
    let guest = tried(stage, &GUESTS, &GUEST)?;
    // What is wrong goes first.
    let mut figure: Vec<String> = [&native, &guest]
        .iter()
        .flat_map(|tried| tried.wrong.iter().cloned())
        .collect();
    figure.push(format!(
        "{} kinds of attempts refused: {} tests against stores and handles, {} by guests",
        NATIVE.len() + GUEST.len(),
        native.passed,
        guest.passed
    ));
    Ok(Shown {
        passed: native.wrong.is_empty() && guest.wrong.is_empty(),
        figure: figure.join(", "),
    })
}

/// How the named tests ended.
#[derive(Debug, Default)]
struct Tried {
    passed: usize,
    /// Those that failed or were not there.
    wrong: Vec<String>,
}

/// Runs the named tests, and no others.
fn tried(stage: &Stage, suite: &Suite, attempts: &[Attempts]) -> anyhow::Result<Tried> {
    let names = attempts.iter().flat_map(|attempts| attempts.tests);
    let mut arguments = vec!["--exact"];
    arguments.extend(names);
    let report = suite.run(stage, &arguments, &[])?;
    let outcomes: HashMap<&str, bool> = report.outcomes().collect();
    let tried = Tried::of(attempts, &outcomes);
    for attempts in attempts {
        println!("  {} tests: {}", attempts.tests.len(), attempts.what);
    }
    Ok(tried)
}

impl Tried {
    fn of(attempts: &[Attempts], outcomes: &HashMap<&str, bool>) -> Self {
        let mut tried = Self::default();
        for name in attempts.iter().flat_map(|attempts| attempts.tests) {
            match outcomes.get(name) {
                Some(true) => tried.passed += 1,
                Some(false) => tried.wrong.push(format!("{name} failed")),
                None => tried.wrong.push(format!("there is no test {name}")),
            }
        }
        tried
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_test_that_is_gone_is_missed() {
        let attempts = [Attempts {
            what: "all",
            tests: &["a", "b", "c"],
        }];
        let tried = Tried::of(&attempts, &HashMap::from([("a", true), ("b", false)]));
        assert_eq!(tried.passed, 1);
        assert_eq!(tried.wrong, ["b failed", "there is no test c"]);
    }

    #[test]
    fn every_attempt_is_named_once() {
        for attempts in [&NATIVE[..], &GUEST[..]] {
            let names: Vec<_> = attempts
                .iter()
                .flat_map(|attempts| attempts.tests)
                .collect();
            let different: HashSet<_> = names.iter().collect();
            assert_eq!(different.len(), names.len());
        }
    }
}
