//! An open connection as guests use it: the commands that have a function of their own, and all others.

use std::sync::Arc;

use super::{COMMAND_BYTES_MAX, Connection, Error, Reply};

/// Commands after which what the server sends is no longer one reply for one command: messages come unasked, replies come
/// in another protocol, or none comes at all.
const FORBIDDEN: [&str; 14] = [
    "HELLO",
    "MONITOR",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "REPLCONF",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    // Of two words.
    "CLIENT REPLY",
    "CLIENT TRACKING",
    "SCRIPT DEBUG",
];

/// An open connection. Cheap to clone; the connection is closed with the last one. Every call may end in any [`Error`], and
/// after most of them the connection is closed: see [`Connection::call`].
#[derive(Clone)]
pub struct Handle(Arc<dyn Connection>);

impl Handle {
    /// Over a connection that a client opened.
    pub fn new(connection: Arc<dyn Connection>) -> Self {
        Self(connection)
    }

    /// Sends a message to whoever listens to a channel.
    pub async fn publish(&self, channel: String, payload: Vec<u8>) -> Result<(), Error> {
        let command = command("PUBLISH", [channel.into_bytes(), payload]);
        self.number(command).await.map(drop)
    }

    /// The value of a key.
    pub async fn get(&self, key: String) -> Result<Option<Vec<u8>>, Error> {
        match self.one(command("GET", [key.into_bytes()])).await? {
            Reply::Nil => Ok(None),
            Reply::Bytes(value) => Ok(Some(value)),
            Reply::Status(_) | Reply::Integer(_) => Err(Error::Protocol),
        }
    }

    /// Gives a key a value, whatever it had.
    pub async fn set(&self, key: String, value: Vec<u8>) -> Result<(), Error> {
        let command = command("SET", [key.into_bytes(), value]);
        self.one(command).await.map(drop)
    }

    /// Adds one to the number that a key holds, or to 0, and tells the sum.
    pub async fn increment(&self, key: String) -> Result<i64, Error> {
        let sum = self.number(command("INCR", [key.into_bytes()])).await;
        sum.map_err(|error| match error {
            // It has no word of its own for this, as it has for a key that holds no string at all.
            Error::Rejected(why) if why.contains("not an integer") => Error::WrongType,
            error => error,
        })
    }

    /// Removes keys, and tells how many were there.
    pub async fn delete(&self, keys: Vec<String>) -> Result<i64, Error> {
        let keys = keys.into_iter().map(String::into_bytes);
        self.number(command("DEL", keys)).await
    }

    /// Adds values to a set, and tells how many were not in it.
    pub async fn add(&self, key: String, values: Vec<String>) -> Result<i64, Error> {
        self.number(command("SADD", all(key, values))).await
    }

    /// Removes values from a set, and tells how many were in it.
    pub async fn remove(&self, key: String, values: Vec<String>) -> Result<i64, Error> {
        self.number(command("SREM", all(key, values))).await
    }

    /// The values of a set, in no order.
    pub async fn members(&self, key: String) -> Result<Vec<String>, Error> {
        let replies = self.call(command("SMEMBERS", [key.into_bytes()])).await?;
        let text = |reply| match reply {
            Reply::Bytes(value) => String::from_utf8(value).map_err(|_| Error::WrongType),
            Reply::Nil | Reply::Status(_) | Reply::Integer(_) => Err(Error::Protocol),
        };
        replies.into_iter().map(text).collect()
    }

    /// Any command but those that a connection does not survive.
    pub async fn execute(
        &self,
        name: String,
        arguments: Vec<Vec<u8>>,
    ) -> Result<Vec<Reply>, Error> {
        if let Some(forbidden) = forbidden(&name, &arguments) {
            return Err(Error::Forbidden(forbidden));
        }
        self.call(command(&name, arguments)).await
    }

    async fn number(&self, command: Vec<Vec<u8>>) -> Result<i64, Error> {
        match self.one(command).await? {
            Reply::Integer(number) => Ok(number),
            Reply::Nil | Reply::Status(_) | Reply::Bytes(_) => Err(Error::Protocol),
        }
    }

    async fn one(&self, command: Vec<Vec<u8>>) -> Result<Reply, Error> {
        let replies = self.call(command).await?;
        let [reply] = <[Reply; 1]>::try_from(replies).map_err(|_| Error::Protocol)?;
        Ok(reply)
    }

    async fn call(&self, command: Vec<Vec<u8>>) -> Result<Vec<Reply>, Error> {
        let bytes = command.iter().map(Vec::len).sum::<usize>();
        match bytes > COMMAND_BYTES_MAX {
            true => Err(Error::CommandTooLarge),
            false => self.0.call(&command).await,
        }
    }
}

fn command(name: &str, arguments: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let name = std::iter::once(name.as_bytes().to_vec());
    name.chain(arguments).collect()
}

fn all(key: String, values: Vec<String>) -> impl Iterator<Item = Vec<u8>> {
    std::iter::once(key).chain(values).map(String::into_bytes)
}

fn forbidden(name: &str, arguments: &[Vec<u8>]) -> Option<&'static str> {
    let first = arguments.first().map_or(&[][..], Vec::as_slice);
    FORBIDDEN.into_iter().find(|it| match it.split_once(' ') {
        None => name.eq_ignore_ascii_case(it),
        Some((command, argument)) => {
            name.eq_ignore_ascii_case(command) && first.eq_ignore_ascii_case(argument.as_bytes())
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;

    /// Answers every command alike, and remembers them.
    struct Fake {
        answer: Result<Vec<Reply>, Error>,
        commands: Mutex<Vec<Vec<Vec<u8>>>>,
    }

    #[async_trait]
    impl Connection for Fake {
        async fn call(&self, command: &[Vec<u8>]) -> Result<Vec<Reply>, Error> {
            let mut commands = self.commands.lock().expect("nobody panics");
            commands.push(command.to_vec());
            self.answer.clone()
        }
    }

    fn fake(answer: Result<Vec<Reply>, Error>) -> (Handle, Arc<Fake>) {
        let fake = Arc::new(Fake {
            answer,
            commands: Mutex::default(),
        });
        (Handle::new(Arc::clone(&fake) as Arc<dyn Connection>), fake)
    }

    fn words(fake: &Fake) -> Vec<String> {
        let commands = fake.commands.lock().expect("nobody panics");
        let word = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
        let line = |command: &Vec<Vec<u8>>| command.iter().map(word).collect::<Vec<_>>().join(" ");
        commands.iter().map(line).collect()
    }

    fn bytes(text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    #[tokio::test]
    async fn a_command_that_the_connection_does_not_survive_is_not_sent() {
        let (handle, fake) = fake(Ok(vec![]));
        let calls: [(&str, &[&str]); 6] = [
            ("SUBSCRIBE", &["news"]),
            ("pSubscribe", &["*"]),
            ("monitor", &[]),
            ("hello", &["3"]),
            ("client", &["reply", "off"]),
            ("CLIENT", &["TRACKING", "ON"]),
        ];
        for (name, arguments) in calls {
            let arguments = arguments.iter().map(|it| bytes(it)).collect();
            let outcome = handle.execute(name.to_owned(), arguments).await;
            assert!(
                matches!(outcome, Err(Error::Forbidden(_))),
                "{name}: {outcome:?}"
            );
        }
        assert!(words(&fake).is_empty());
        let client = handle.execute("CLIENT".into(), vec![bytes("ID")]).await;
        assert_eq!(client, Ok(vec![]));
    }

    #[tokio::test]
    async fn a_command_that_is_too_large_is_not_sent() {
        let (handle, fake) = fake(Ok(vec![Reply::Nil]));
        let outcome = handle.set("k".into(), vec![0; COMMAND_BYTES_MAX]).await;
        assert_eq!(outcome, Err(Error::CommandTooLarge));
        assert!(words(&fake).is_empty());
    }

    #[tokio::test]
    async fn a_number_that_is_none_is_a_value_of_another_type() {
        let why = Error::Rejected("ERR value is not an integer or out of range".into());
        let (handle, _) = fake(Err(why.clone()));
        assert_eq!(handle.increment("k".into()).await, Err(Error::WrongType));
        assert_eq!(handle.delete(vec!["k".into()]).await, Err(why));
    }

    #[tokio::test]
    async fn a_member_that_is_no_text_is_a_value_of_another_type() {
        let (handle, _) = fake(Ok(vec![Reply::Bytes(vec![0xff])]));
        assert_eq!(handle.members("k".into()).await, Err(Error::WrongType));
    }

    #[tokio::test]
    async fn a_reply_of_another_kind_is_not_taken_for_an_answer() {
        let (handle, _) = fake(Ok(vec![Reply::Status("OK".into())]));
        assert_eq!(handle.get("k".into()).await, Err(Error::Protocol));
        assert_eq!(handle.increment("k".into()).await, Err(Error::Protocol));
        let (handle, _) = fake(Ok(vec![Reply::Integer(1), Reply::Integer(2)]));
        assert_eq!(handle.increment("k".into()).await, Err(Error::Protocol));
    }

    #[tokio::test]
    async fn every_function_is_a_command() {
        let (handle, fake) = fake(Ok(vec![Reply::Integer(1)]));
        handle.publish("c".into(), bytes("m")).await.expect("it is");
        handle.set("k".into(), bytes("v")).await.expect("it is");
        handle.increment("k".into()).await.expect("it is");
        let two = || vec!["a".to_owned(), "b".to_owned()];
        handle.delete(two()).await.expect("it is");
        handle.add("s".into(), two()).await.expect("it is");
        handle.remove("s".into(), two()).await.expect("it is");
        let arguments = vec![bytes("k"), bytes("5")];
        handle
            .execute("EXPIRE".into(), arguments)
            .await
            .expect("it is");
        assert_eq!(
            words(&fake),
            [
                "PUBLISH c m",
                "SET k v",
                "INCR k",
                "DEL a b",
                "SADD s a b",
                "SREM s a b",
                "EXPIRE k 5"
            ]
        );
    }
}
