//! What is not connected to.

use super::*;

#[tokio::test]
async fn a_component_without_hosts_connects_to_nobody() {
    let nowhere = Driver::new(&Config::default()).client(Network::default());
    let told = refused(&*nowhere, &address(), None).await;
    assert!(told.ends_with("is not permitted"), "{told}");
    let elsewhere = ["postgres://db.example:5432", "mysql://127.0.0.1:5432"];
    let elsewhere = client_with(&Config::default(), &elsewhere);
    let told = refused(&*elsewhere, &address(), None).await;
    assert!(told.ends_with("is not permitted"), "{told}");
}

#[tokio::test]
async fn every_host_of_an_address_must_be_allowed() {
    let (host, port, _) = parts();
    for address in [
        format!("host={host},db.example port={port},5432 user=root"),
        format!("host=db.example,{host} port=5432,{port} user=root"),
        format!("host={host} hostaddr=192.0.2.1 port={port} user=root"),
        format!("host=db.example hostaddr=127.0.0.1 port={port} user=root"),
    ] {
        let told = refused(&*client(), &address, None).await;
        assert!(told.ends_with("is not permitted"), "{told}");
    }
}

#[tokio::test]
async fn what_is_no_address_is_not_connected_to() {
    for address in ["", "127.0.0.1", "http://127.0.0.1", "postgres://root@/test"] {
        let told = refused(&*client(), address, None).await;
        assert!(told.starts_with("connection failed: "), "{told}");
    }
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = free.local_addr().expect("it has an address").port();
    drop(free);
    let allowed = format!("postgres://127.0.0.1:{port}");
    let client = client_with(&Config::default(), &[&allowed]);
    let address = format!("postgres://root:hunter2@127.0.0.1:{port}/test");
    let told = refused(&*client, &address, None).await;
    assert!(
        told.starts_with(&format!("connection failed: cannot reach {allowed}")),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn who_may_not_log_in_is_told_so_by_the_server() {
    let (host, port, _) = parts();
    let address = format!("postgres://stoa_nobody:hunter2@{host}:{port}/test?sslmode=disable");
    let told = refused(&*client(), &address, None).await;
    assert!(told.starts_with("connection failed: FATAL: "), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn the_next_host_is_tried_where_one_does_not_answer() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let closed = free.local_addr().expect("it has an address").port();
    drop(free);
    let (host, port, config) = parts();
    let user = config.get_user().expect("somebody logs in");
    let mut address = format!(
        "host=127.0.0.1,{host} port={closed},{port} user={user} sslmode=disable dbname={}",
        config.get_dbname().unwrap_or("postgres")
    );
    if let Some(password) = config.get_password() {
        let password = String::from_utf8_lossy(password);
        address.push_str(&format!(" password={password}"));
    }
    let first = format!("postgres://127.0.0.1:{closed}");
    let client = client_with(&Config::default(), &[&first, &server()]);
    let connection = opened(&*client, &address, None).await;
    assert_eq!(value(&*connection, "SELECT 1").await, Value::Int32(1));
}

#[tokio::test]
async fn a_server_of_another_kind_than_wanted_is_left() {
    let with = |kind: &str| format!("{}&target_session_attrs={kind}", address());
    let told = refused(&*client(), &with("read-only"), None).await;
    assert!(told.contains("not of the wanted kind"), "{told}");
    opened(&*client(), &with("read-write"), None).await;
}

#[tokio::test]
async fn no_more_connections_than_configured() {
    let config = Config {
        connections_max: Some(1),
        ..Config::default()
    };
    let client = client_with(&config, &[&server()]);
    let first = opened(&*client, &address(), None).await;
    let second = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.open(&address(), None).await.is_ok() }
    });
    // It waits for the only place.
    assert_eq!(value(&*first, "SELECT 1").await, Value::Int32(1));
    assert!(!second.is_finished());
    drop(first);
    let second = tokio::time::timeout(SOON, second).await;
    assert!(second.expect("it gets the place").expect("no panic"));
}
