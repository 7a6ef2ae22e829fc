//! Look-ups that do not end, and whom they keep from looking up.

use super::super::lookups::{PER_COMPONENT_MAX, PER_HOST_MAX, Turn};
use super::*;

#[tokio::test]
async fn look_ups_over_those_of_a_component_wait_until_their_deadline() {
    let settings = Settings::default().connecting_within(SHORTLY);
    let network = of("guest", &settings);
    let _silent = silent(&network, PER_COMPONENT_MAX).await;
    assert_eq!(looked_up(&network).await, Err(Error::TimedOut));
    assert_eq!(refusal(&network, "localhost", 80).await, Error::TimedOut);
}

#[tokio::test]
async fn a_component_whose_look_ups_do_not_end_keeps_no_other_from_them() {
    let settings = Settings::default();
    let network = of("guest", &settings);
    let silent = silent(&network, PER_COMPONENT_MAX).await;
    // A newer revision of it waits as well.
    let newer = of("guest", &settings);
    let mut next = Box::pin(turns(&newer).turn());
    assert!(waits(next.as_mut()).await);
    let found = looked_up(&of("other", &settings)).await;
    assert!(found.is_ok_and(|found| !found.is_empty()));
    drop(silent);
    next.await;
    assert!(looked_up(&network).await.is_ok());
}

#[tokio::test]
async fn look_ups_of_all_components_are_bounded_together() {
    let settings = Settings::default();
    let mut held = Vec::new();
    for number in 0..PER_HOST_MAX / PER_COMPONENT_MAX {
        let network = of(&format!("guest-{number}"), &settings);
        held.push(silent(&network, PER_COMPONENT_MAX).await);
    }
    let other = of("other", &settings);
    let mut next = Box::pin(turns(&other).turn());
    assert!(waits(next.as_mut()).await);
    held.pop();
    drop(next.await);
    assert!(looked_up(&other).await.is_ok());
}

#[tokio::test]
async fn what_is_still_looked_up_counts_when_its_revision_is_gone() {
    let settings = Settings::default();
    let silent = silent(&of("guest", &settings), PER_COMPONENT_MAX).await;
    let newer = of("guest", &settings);
    assert!(waits(Box::pin(turns(&newer).turn()).as_mut()).await);
    drop(silent);
    assert!(looked_up(&newer).await.is_ok());
}

// === helpers ===

/// The network of a component that may look up this machine.
fn of(id: &str, settings: &Settings) -> Network {
    let id = ComponentId::new(id).expect("it is an id");
    Network::held_by(&id, "test", &component(&["*://localhost:*"], ""), settings)
}

fn turns(network: &Network) -> &Turns {
    &network.0.as_ref().expect("it leads somewhere").lookups
}

/// Has turns as look-ups do that no resolver answers.
async fn silent(network: &Network, look_ups: usize) -> Vec<Turn> {
    let mut held = Vec::new();
    for _ in 0..look_ups {
        held.push(turns(network).turn().await);
    }
    held
}

async fn looked_up(network: &Network) -> Result<Vec<IpAddr>, Error> {
    network.look_up(&["tcp"], "localhost").await
}
