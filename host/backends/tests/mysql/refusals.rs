//! What is not connected to.

use super::*;

#[tokio::test]
async fn a_component_without_hosts_connects_to_nobody() {
    let nowhere = Driver::new(&Config::default()).client(Network::default());
    let told = refused(&*nowhere, &url()).await;
    assert!(told.ends_with("is not permitted"), "{told}");
    let elsewhere = ["mysql://db.example:3306", "postgres://127.0.0.1:3306"];
    let elsewhere = client_with(&Config::default(), &elsewhere);
    let told = refused(&*elsewhere, &url()).await;
    assert!(told.ends_with("is not permitted"), "{told}");
}

#[tokio::test]
async fn what_is_no_address_is_not_connected_to() {
    for address in ["", "127.0.0.1", "postgres://127.0.0.1", "mysql://"] {
        let told = refused(&*client(), address).await;
        assert!(told.starts_with("connection failed: "), "{told}");
    }
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = free.local_addr().expect("it has an address").port();
    drop(free);
    let allowed = format!("mysql://127.0.0.1:{port}");
    let client = client_with(&Config::default(), &[&allowed]);
    let address = format!("mysql://root:hunter2@127.0.0.1:{port}/test");
    let told = refused(&*client, &address).await;
    assert!(told.starts_with("connection failed: "), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn who_may_not_log_in_is_told_so_by_the_server() {
    let address = server().replace("mysql://", "mysql://stoa_nobody:hunter2@");
    let told = refused(&*client(), &address).await;
    assert!(told.contains("ERROR 1045 (28000): Access denied"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn only_its_password_lets_somebody_in() {
    let user = format!("stoa_test_{}", std::process::id());
    aside(&format!("CREATE USER {user} IDENTIFIED BY 'p@ w'")).await;
    let address = |password: &str| {
        let account = format!("mysql://{user}:{password}@");
        server().replace("mysql://", &account)
    };
    let client = client();
    let wrong = client.open(&address("p%40w")).await.err();
    let right = client.open(&address("p%40%20w")).await.err();
    aside(&format!("DROP USER {user}")).await;
    let told = wrong.map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains("ERROR 1045 (28000)"), "{told}");
    assert_eq!(right, None);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told() {
    let told = refused(&*client(), &format!("{}/stoa_nowhere", url())).await;
    assert!(told.contains("ERROR 1049"), "{told}");
}

#[tokio::test]
async fn no_address_leads_past_the_network() {
    within(|address| async move {
        // Other drivers would take the socket of this machine, which no manifest can name.
        let address = format!("{address}?socket=/nowhere&prefer_socket=true");
        let connection = opened(&*client(), &address).await;
        assert_eq!(value(&*connection, "SELECT 1").await, Value::Int32(1));
    })
    .await;
}

#[tokio::test]
async fn files_of_this_host_are_not_sent() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        execute(&*connection, "CREATE TABLE a (line text)").await;
        let load = "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE a";
        let refused = connection.execute(load, Vec::new()).await;
        assert!(refused.is_err());
        let connection = opened(&*client(), &address).await;
        let count = value(&*connection, "SELECT count(*) FROM a").await;
        assert_eq!(count, Value::Int64(0));
    })
    .await;
}
