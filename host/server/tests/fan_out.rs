//! The guests that benchmarks fan out with: denied first, then they say what both of those they call said.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stoa_testkit::{Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(60);
/// The guest, and whom it calls under both names.
const GUESTS: [(&str, &str); 2] = [("fan-out-02", "hello-02"), ("fan-out-03", "hello-03")];

fn serving((guest, called): (&str, &str), hosts: &str) -> Host {
    let launch = Launch::new(STOA, "");
    for name in [guest, called] {
        let code = fs::read(probe(name)).expect("it was built");
        fs::write(launch.folder().join(format!("{name}.wasm")), code).expect("it can be written");
    }
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"left\"\n\
         [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"right\"\n\
         [component.guest]\nsource = \"{guest}.wasm\"\nallowed_outbound_hosts = [{hosts}]\n\
         [component.left]\nsource = \"{called}.wasm\"\n\
         [component.right]\nsource = \"{called}.wasm\"\n"
    );
    fs::write(launch.folder().join("spin.toml"), manifest).expect("it can be written");
    launch.start()
}

fn asked(host: &Host) -> String {
    let mut stream = TcpStream::connect(host.address()).expect("it accepts");
    let bound = Some(CLIENT_MAX);
    stream.set_read_timeout(bound).expect("it can be set");
    write!(
        stream,
        "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    )
    .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    answer
}

#[test]
fn who_may_call_only_one_of_them_fails() {
    for guests in GUESTS {
        for hosts in ["", "\"http://left.spin.internal\""] {
            let answer = asked(&serving(guests, hosts));
            assert!(answer.starts_with("HTTP/1.1 500"), "{guests:?}: {answer}");
        }
    }
}

#[test]
fn who_may_call_both_says_what_both_said() {
    for guests in GUESTS {
        let answer = asked(&serving(guests, "\"http://*.spin.internal\""));
        assert!(answer.starts_with("HTTP/1.1 200"), "{guests:?}: {answer}");
        let said = answer.matches("Hello from WASI").count();
        assert_eq!(said, 2, "{guests:?}: {answer}");
    }
}
