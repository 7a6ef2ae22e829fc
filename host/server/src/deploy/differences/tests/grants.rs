//! Grants of every noun, field by field, and migrations.

use super::{both_ways, fields, policy, told};

#[test]
fn key_value_stores() {
    const S: &str = "key_value_stores = [\"s\"]";
    both_ways(
        fields(""),
        fields(S),
        &["wider a: may read and write key-value store `s`"],
        &["narrower a: no longer may read and write key-value store `s`"],
    );
    both_ways(
        fields(""),
        policy(
            S,
            "grants.keyvalue.s = { access = \"read\", prefix = \"eu/\" }",
        ),
        &["wider a: may read the keys of key-value store `s` that start with `eu/`"],
        &["narrower a: no longer may read the keys of key-value store `s` that start with `eu/`"],
    );
    both_ways(
        policy(S, "grants.keyvalue.s = { access = \"read\" }"),
        fields(S),
        &["wider a: may write to key-value store `s`"],
        &["narrower a: no longer may write to key-value store `s`"],
    );
    both_ways(
        policy(S, "grants.keyvalue.s = { prefix = \"eu/\" }"),
        fields(S),
        &[
            "wider a: may touch all keys of key-value store `s`, not only those that start with `eu/`",
        ],
        &[
            "narrower a: no longer may touch keys of key-value store `s` that do not start with `eu/`",
        ],
    );
    both_ways(
        policy(S, "grants.keyvalue.s = { prefix = \"eu/de/\" }"),
        policy(S, "grants.keyvalue.s = { prefix = \"eu/\" }"),
        &["wider a: may touch the keys of key-value store `s` that start with `eu/`"],
        &[
            "narrower a: no longer may touch keys of key-value store `s` that do not start with `eu/de/`",
        ],
    );
    both_ways(
        policy(S, "grants.keyvalue.s = { prefix = \"eu/\" }"),
        policy(S, "grants.keyvalue.s = { prefix = \"us/\" }"),
        &[
            "wider a: may touch the keys of key-value store `s` that start with `us/`",
            "narrower a: no longer may touch keys of key-value store `s` that do not start with `us/`",
        ],
        &[
            "wider a: may touch the keys of key-value store `s` that start with `eu/`",
            "narrower a: no longer may touch keys of key-value store `s` that do not start with `eu/`",
        ],
    );
    both_ways(
        policy(S, "grants.keyvalue.s = { value_bytes_max = 1 }"),
        policy(S, "grants.keyvalue.s = { value_bytes_max = 4_194_304 }"),
        &["wider a: may write values of 4194304 bytes to key-value store `s`, not only 1 byte"],
        &["narrower a: no longer may write values of more than 1 byte to key-value store `s`"],
    );
}

#[test]
fn quotas() {
    const S: &str = "key_value_stores = [\"s\"]";
    both_ways(
        policy(S, "grants.keyvalue.s = { calls_per_second_max = 10 }"),
        fields(S),
        &[
            "wider a: may make any number of calls a second to key-value store `s`, not only 10 calls a second",
        ],
        &["narrower a: no longer may make more than 10 calls a second to key-value store `s`"],
    );
    both_ways(
        policy(S, "grants.keyvalue.s = { bytes_max = 10 }"),
        policy(S, "grants.keyvalue.s = { bytes_max = 20 }"),
        &["wider a: may keep 20 bytes in key-value store `s`, not only 10 bytes"],
        &["narrower a: no longer may keep more than 10 bytes in key-value store `s`"],
    );
}

#[test]
fn what_a_default_says_is_no_difference() {
    both_ways(
        policy(
            "key_value_stores = [\"s\"]",
            "grants.keyvalue.s = { access = \"read-write\", value_bytes_max = 4_194_304 }",
        ),
        fields("key_value_stores = [\"s\"]"),
        &[],
        &[],
    );
}

#[test]
fn databases() {
    const D: &str = "sqlite_databases = [\"d\"]";
    both_ways(
        fields(""),
        fields(D),
        &[
            "wider a: may change the schema of database `d`",
            "wider a: may read and write database `d`",
        ],
        &[
            "narrower a: no longer may change the schema of database `d`",
            "narrower a: no longer may read and write database `d`",
        ],
    );
    both_ways(
        policy(D, "grants.sql.d = { access = \"read\" }"),
        policy(D, "grants.sql.d = {}"),
        &["wider a: may write to database `d`"],
        &["narrower a: no longer may write to database `d`"],
    );
    both_ways(
        policy(D, "grants.sql.d = {}"),
        policy(D, "grants.sql.d = { schema = true }"),
        &["wider a: may change the schema of database `d`"],
        &["narrower a: no longer may change the schema of database `d`"],
    );
    both_ways(
        policy(D, "grants.sql.d = { tables = [\"t\", \"s\"] }"),
        policy(D, "grants.sql.d = {}"),
        &["wider a: may use every table of database `d`, not only `s`, `t`"],
        &["narrower a: no longer may use other tables of database `d` than `s`, `t`"],
    );
    both_ways(
        policy(D, "grants.sql.d = { tables = [\"t\"] }"),
        policy(D, "grants.sql.d = { tables = [\"u\", \"t\"] }"),
        &["wider a: may use the table `u` of database `d`"],
        &["narrower a: no longer may use the table `u` of database `d`"],
    );
    both_ways(
        policy(D, "grants.sql.d = { bytes_max = 10 }"),
        policy(D, "grants.sql.d = { bytes_max = 11 }"),
        &["wider a: may keep 11 bytes in database `d`, not only 10 bytes"],
        &["narrower a: no longer may keep more than 10 bytes in database `d`"],
    );
}

#[test]
fn migrations() {
    const D: &str = "sqlite_databases = [\"d\"]";
    both_ways(
        policy(D, "grants.sql.d = {}"),
        policy(D, "grants.sql.d = {}\nmigrations.d = { folder = \"m\" }"),
        &["wider a: changes the schema of database `d` by migrations"],
        &["narrower a: no longer changes the schema of database `d` by migrations"],
    );
    both_ways(
        policy(D, "migrations.d = { folder = \"m\" }"),
        policy(
            D,
            "migrations.d = { folder = \"n\", contracting = [\"1.sql\"] }",
        ),
        &[
            "other a: has a migration of database `d` that may take something away: `1.sql`",
            "other a: has the migrations of database `d` in `n`",
        ],
        &[
            "other a: has a migration of database `d` that may no longer take anything away: `1.sql`",
            "other a: has the migrations of database `d` in `m`",
        ],
    );
    assert_eq!(
        told(&fields(D), &policy(D, "migrations.d = { folder = \"m\" }")),
        ["other a: has migrations for database `d`"],
        "it might do all of that itself"
    );
}

#[test]
fn document_stores() {
    const C: &str = "grants.documents.s.collections.c = {}";
    both_ways(
        policy("", ""),
        policy("", C),
        &["wider a: may read and write the collections `c` of document store `s`"],
        &["narrower a: no longer may read and write the collections `c` of document store `s`"],
    );
    both_ways(
        policy(
            "",
            "grants.documents.s = { access = \"read\", collections = { c = {} } }",
        ),
        policy("", C),
        &["wider a: may write to document store `s`"],
        &["narrower a: no longer may write to document store `s`"],
    );
    both_ways(
        policy("", C),
        policy("", "grants.documents.s.collections = { c = {}, d = {} }"),
        &["wider a: may use the collection `d` of document store `s`"],
        &["narrower a: no longer may use the collection `d` of document store `s`"],
    );
    both_ways(
        policy(
            "",
            "grants.documents.s = { document_bytes_max = 10, collections = { c = {} } }",
        ),
        policy("", C),
        &["wider a: may write documents of 1048576 bytes to document store `s`, not only 10 bytes"],
        &["narrower a: no longer may write documents of more than 10 bytes to document store `s`"],
    );
    both_ways(
        policy(
            "",
            "grants.documents.s = { calls_per_second_max = 1, collections = { c = {} } }",
        ),
        policy(
            "",
            "grants.documents.s = { calls_per_second_max = 2, collections = { c = {} } }",
        ),
        &["wider a: may make 2 calls a second to document store `s`, not only 1 call a second"],
        &["narrower a: no longer may make more than 1 call a second to document store `s`"],
    );
    both_ways(
        policy("", C),
        policy(
            "",
            "grants.documents.s.collections.c = { search = { name = 1 }, indexes = { i = { paths = [\"x\"] } } }",
        ),
        &[
            "other a: has another index `i` in the collection `c` of document store `s`",
            "other a: searches the collection `c` of document store `s` by other paths or weights",
        ],
        &[
            "other a: no longer has the index `i` in the collection `c` of document store `s`",
            "other a: searches the collection `c` of document store `s` by other paths or weights",
        ],
    );
    let changed = "grants.documents.s.collections.c = { indexes = { i = { paths = [\"y\"] } } }";
    let index = "grants.documents.s.collections.c = { indexes = { i = { paths = [\"x\"] } } }";
    let told_of = "other a: has the index `i` in the collection `c` of document store `s` changed";
    both_ways(
        policy("", index),
        policy("", changed),
        &[told_of],
        &[told_of],
    );
}

#[test]
fn blob_stores() {
    const C: &str = "grants.blobs.s = { containers = [\"one\"] }";
    both_ways(
        policy("", ""),
        policy(
            "",
            "grants.blobs.s = { containers = [\"one\"], presign_seconds_max = 60 }",
        ),
        &[
            "wider a: may hand out URLs into blob store `s`",
            "wider a: may read and write the containers `one` of blob store `s`",
        ],
        &[
            "narrower a: no longer may hand out URLs into blob store `s`",
            "narrower a: no longer may read and write the containers `one` of blob store `s`",
        ],
    );
    both_ways(
        policy(
            "",
            "grants.blobs.s = { access = \"read\", containers = [\"one\"] }",
        ),
        policy("", C),
        &["wider a: may write to blob store `s`"],
        &["narrower a: no longer may write to blob store `s`"],
    );
    both_ways(
        policy("", C),
        policy("", "grants.blobs.s = { containers = [\"two\", \"one\"] }"),
        &["wider a: may use the container `two` of blob store `s`"],
        &["narrower a: no longer may use the container `two` of blob store `s`"],
    );
    both_ways(
        policy(
            "",
            "grants.blobs.s = { containers = [\"one\"], blob_bytes_max = 10 }",
        ),
        policy("", C),
        &["wider a: may write blobs of 5368709120 bytes to blob store `s`, not only 10 bytes"],
        &["narrower a: no longer may write blobs of more than 10 bytes to blob store `s`"],
    );
    both_ways(
        policy("", C),
        policy(
            "",
            "grants.blobs.s = { containers = [\"one\"], presign_seconds_max = 60 }",
        ),
        &["wider a: may hand out URLs into blob store `s`"],
        &["narrower a: no longer may hand out URLs into blob store `s`"],
    );
    both_ways(
        policy(
            "",
            "grants.blobs.s = { containers = [\"one\"], presign_seconds_max = 60 }",
        ),
        policy(
            "",
            "grants.blobs.s = { containers = [\"one\"], presign_seconds_max = 90 }",
        ),
        &[
            "wider a: may hand out URLs into blob store `s` that are good for 90 seconds, not only 60 seconds",
        ],
        &[
            "narrower a: no longer may hand out URLs into blob store `s` that are good for more than 60 seconds",
        ],
    );
    both_ways(
        policy(
            "",
            "grants.blobs.s = { containers = [\"one\"], bytes_max = 10 }",
        ),
        policy("", C),
        &["wider a: may keep any number of bytes in blob store `s`, not only 10 bytes"],
        &["narrower a: no longer may keep more than 10 bytes in blob store `s`"],
    );
}

#[test]
fn identities() {
    const SIGN: &str = "grants.identity.i = { operations = [\"sign\"] }";
    both_ways(
        policy("", ""),
        policy(
            "",
            "grants.identity.i = { operations = [\"sign\"], audiences = [\"shop\"] }",
        ),
        &["wider a: may sign tokens with identity `i` for `shop`"],
        &["narrower a: no longer may sign tokens with identity `i` for `shop`"],
    );
    both_ways(
        policy("", SIGN),
        policy(
            "",
            "grants.identity.i = { operations = [\"verify\", \"passwords\", \"sign\"] }",
        ),
        &[
            "wider a: may hash and verify passwords with identity `i`",
            "wider a: may verify tokens with identity `i`",
        ],
        &[
            "narrower a: no longer may hash and verify passwords with identity `i`",
            "narrower a: no longer may verify tokens with identity `i`",
        ],
    );
    both_ways(
        policy("", SIGN),
        policy(
            "",
            "grants.identity.i = { operations = [\"sign\"], token_seconds_max = 7_200 }",
        ),
        &[
            "wider a: may sign tokens with identity `i` that are good for 7200 seconds, not only 3600 seconds",
        ],
        &[
            "narrower a: no longer may sign tokens with identity `i` that are good for more than 3600 seconds",
        ],
    );
    both_ways(
        policy(
            "",
            "grants.identity.i = { operations = [\"sign\"], audiences = [\"shop\"] }",
        ),
        policy("", SIGN),
        &["wider a: may sign tokens with identity `i` for any audience, not only `shop`"],
        &[
            "narrower a: no longer may sign tokens with identity `i` for other audiences than `shop`",
        ],
    );
    both_ways(
        policy(
            "",
            "grants.identity.i = { operations = [\"sign\"], audiences = [\"shop\"] }",
        ),
        policy(
            "",
            "grants.identity.i = { operations = [\"sign\"], audiences = [\"shop\", \"bank\"] }",
        ),
        &["wider a: may sign tokens with identity `i` for the audience `bank`"],
        &["narrower a: no longer may sign tokens with identity `i` for the audience `bank`"],
    );
    both_ways(
        policy(
            "",
            "grants.identity.i = { operations = [\"sign\"], calls_per_second_max = 5 }",
        ),
        policy("", SIGN),
        &[
            "wider a: may make any number of calls a second to identity `i`, not only 5 calls a second",
        ],
        &["narrower a: no longer may make more than 5 calls a second to identity `i`"],
    );
}
