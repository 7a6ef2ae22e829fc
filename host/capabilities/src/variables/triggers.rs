//! Templates in Redis triggers, filled in when an application is deployed. What they make is no part of the application:
//! an address may hold a password.

use std::collections::BTreeMap;

use stoa_manifest::{App, ComponentId};

use super::template::Flaw;
use super::{Problem, Value, template};
use crate::redis::Address;

/// The messages that a Redis trigger is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The server.
    pub address: Address,
    /// The channel.
    pub channel: Value,
    /// What each message starts.
    pub component: ComponentId,
}

/// Why a Redis trigger cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriggerFlaw {
    /// The template of its address is wrong.
    #[error("its address: {0}")]
    Address(Flaw),
    /// The template of its channel is wrong.
    #[error("its channel: {0}")]
    Channel(Flaw),
    /// Its address becomes something that is none.
    #[error(
        "its address is not `redis://[user[:password]@]host[:port][/database]`; as it may hold a password, it is not shown"
    )]
    NoAddress,
}

/// The subscriptions of an application, in the order of its manifest. Every address is held against what Redis has, with
/// or without templates.
pub(super) fn subscriptions(
    app: &App,
    values: &BTreeMap<String, Value>,
    problems: &mut Vec<Problem>,
) -> Vec<Subscription> {
    let mut subscriptions = Vec::new();
    for trigger in &app.redis_triggers {
        match subscription(trigger, values) {
            Ok(subscription) => subscriptions.push(subscription),
            Err(why) => problems.push(Problem::Trigger {
                trigger: trigger.id.clone(),
                why,
            }),
        }
    }
    subscriptions
}

fn subscription(
    trigger: &stoa_manifest::redis::Trigger,
    values: &BTreeMap<String, Value>,
) -> Result<Subscription, TriggerFlaw> {
    let address = template::expand(&trigger.address, values).map_err(TriggerFlaw::Address)?;
    let channel = template::expand(&trigger.channel, values).map_err(TriggerFlaw::Channel)?;
    Ok(Subscription {
        address: Address::parse(address.expose()).ok_or(TriggerFlaw::NoAddress)?,
        channel,
        component: trigger.component.clone(),
    })
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::Source;

    use super::*;
    use crate::variables::Secret;

    fn app(address: &str, channel: &str) -> App {
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n[variables]\n\
             host = {{ default = \"cache\" }}\npassword = {{ default = \"hunter2\", secret = true }}\n\
             [[trigger.redis]]\nid = \"news\"\naddress = \"{address}\"\nchannel = \"{channel}\"\n\
             component = \"a\"\n[component.a]\nsource = \"a.wasm\"\n"
        );
        stoa_manifest::parse(&Source::new("spin.toml", text), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn read(address: &str, channel: &str) -> (Vec<Subscription>, Vec<Problem>) {
        let values = BTreeMap::from([
            ("host".to_owned(), Value::Plain("cache".into())),
            ("password".to_owned(), Value::Secret(Secret::new("hunter2"))),
        ]);
        let mut problems = Vec::new();
        let subscriptions = subscriptions(&app(address, channel), &values, &mut problems);
        (subscriptions, problems)
    }

    #[test]
    fn what_is_no_address_of_redis_is_told_without_being_shown() {
        for address in ["cache:6379", "http://{{ password }}", ""] {
            let (subscriptions, problems) = read(address, "news");
            assert!(subscriptions.is_empty(), "{address}");
            let [problem] = problems.as_slice() else {
                panic!("{problems:?}");
            };
            let told = problem.to_string();
            assert!(told.starts_with("trigger `news`: "), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_value_that_is_too_large_is_told() {
        let (_, problems) = read("redis://{{ host }}", &"x".repeat(300 * 1024));
        let why = TriggerFlaw::Channel(Flaw::TooLarge);
        let trigger = "news".to_owned();
        assert_eq!(problems, [Problem::Trigger { trigger, why }]);
    }

    #[test]
    fn templates_are_filled_in_and_nothing_shows_a_secret() {
        let (subscriptions, problems) =
            read("redis://:{{ password }}@{{ host }}/2", "{{ host }}-news");
        assert_eq!(problems, []);
        let [subscription] = subscriptions.as_slice() else {
            panic!("{subscriptions:?}");
        };
        assert_eq!(subscription.address.to_string(), "redis://cache:6379/2");
        let password = subscription.address.password.as_ref();
        assert_eq!(password.map(Secret::expose), Some("hunter2"));
        assert_eq!(subscription.channel, Value::Plain("cache-news".into()));
        assert!(!format!("{subscription:?}").contains("hunter2"));
    }
}
