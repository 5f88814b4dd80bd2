//! Before the FG looks, the log says so: the gateway gets what is done, why, for which case and by whom, and a commitment
//! to what is sought, which only the FG can open. Without its receipt nothing is looked at.

use data_encoding::BASE64;
use doelpoort_core::audit::base64;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::{GRANTED, Kind, Value, extra};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::place::Place;
use doelpoort_core::audit::receipt::{self, Proven, ReceiptError};
use doelpoort_core::policy::sha256;
use doelpoort_core::request::LookCommand;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Map, json};
use zeroize::Zeroizing;

use super::keys::{FgKeyError, FgPrivateKeys};
use crate::client::{Answer, Client, ClientError};
use crate::log::sealing::{self, Context, Sealed, SealingError};

/// What a commitment to what is sought begins with.
const SOUGHT: &[u8] = b"doelpoort-sought\x01";
/// What is sought is sealed in multiples of this, so that its length tells little.
const SOUGHT_STEP: usize = 1_024;

/// Why there is no look.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The gateway refused, or cannot be reached.
    #[error(transparent)]
    Gateway(#[from] ClientError),
    /// Its receipt proves nothing.
    #[error("the gateway's receipt does not hold: {0}")]
    Receipt(#[from] ReceiptError),
    /// Its receipt is about something else.
    #[error("the gateway's receipt is not about this look: nothing is looked at")]
    OtherLook,
    /// The key of a month is not there.
    #[error(transparent)]
    Key(#[from] FgKeyError),
    /// Sealing or opening failed.
    #[error("what is sought {0}")]
    Sealing(#[from] SealingError),
    /// The answer holds no place that these keys open.
    #[error("the answer holds no place in the log that the key of `{0}` opens")]
    NoPlace(Month),
    /// The place is withheld.
    #[error(
        "this number and another may be of one pupil, and that is not confirmed: entries of another child might be shown. \
         See to the confirmation first"
    )]
    Unconfirmed,
}

/// What is about to be done, by whom and why.
#[derive(Clone, Copy, Debug)]
pub struct Purpose<'a> {
    /// The FG's program at the gateway.
    pub client: &'a Client,
    /// The log's public key.
    pub log: &'a Verifier,
    /// Why, as a code.
    pub reason: &'a str,
    /// The case.
    pub case: Option<&'a str>,
}

/// A look that is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The name of its shard.
    pub origin: String,
    /// The number of its entry in its shard.
    pub index: u64,
    /// The id of its entry, in hex.
    pub entry_id: String,
    /// When, in µs.
    pub time: i64,
}

impl std::fmt::Display for Logged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { index, entry_id, .. } = self;
        write!(
            f,
            "logged as entry {index} ({entry_id}), before anything was looked at"
        )
    }
}

impl Purpose<'_> {
    /// Announces a look. With the FG's keys, what is sought is sealed to the newest of them and kept in the entry's
    /// private part; the commitment to it is in the leaf.
    ///
    /// # Errors
    /// Why nothing may be looked at.
    pub async fn announce(
        &self,
        command: LookCommand,
        sought: &str,
        keys: Option<(&FgPrivateKeys, Month)>,
    ) -> Result<Logged, LookError> {
        let mut opened = Zeroizing::new(vec![0; 32]);
        SystemRandom::new().fill(&mut opened).map_err(|_| SealingError)?;
        opened.extend_from_slice(sought.as_bytes());
        let commitment = sha256(&[SOUGHT, &opened].concat());
        let mut body = self.body(command.persons() > 1);
        body.insert("command".to_owned(), command.as_str().into());
        body.insert("commitment".to_owned(), base64(&commitment).into());
        if let Some((keys, month)) = keys {
            let sealed = seal_sought(keys, month, self.log.name(), &opened)?;
            body.insert("sought".to_owned(), base64(&sealed).into());
        }
        let answer = self.client.post("/v1/log/readings", body).await?;
        let proven = self.proven(&answer, Some(command))?;
        let ours = proven.leaf.event.extra.get(&extra::SOUGHT);
        if ours == Some(&Value::Bytes(commitment.to_vec())) {
            Ok(logged(&proven))
        } else {
            Err(LookError::OtherLook)
        }
    }

    /// A pupil's place in the log, by a number that goes to the gateway and nowhere else. That is a look as well.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn place_of(
        &self,
        purpose: &str,
        (kind, number): (&str, &str),
        (keys, month): (&FgPrivateKeys, Month),
    ) -> Result<(Logged, Place), LookError> {
        let mut body = self.body(true);
        body.insert("purpose".to_owned(), purpose.into());
        body.insert("months".to_owned(), json!([month]));
        body.insert("pupils".to_owned(), json!([{ "ref": "1", kind: number }]));
        let answer = self.client.post("/v1/log/subjects", body).await?;
        let proven = self.proven(&answer, Some(LookCommand::SearchPupil))?;
        let sealed = answer.data().and_then(|data| data.pointer("/sealed/0/place"));
        let sealed = sealed
            .and_then(|text| BASE64.decode(text.as_str()?.as_bytes()).ok())
            .ok_or(LookError::NoPlace(month))?;
        let context = Context {
            origin: self.log.name(),
            month,
            what: Sealed::Subject,
        };
        let plain =
            sealing::open(keys.of(month)?, context, &sealed).map_err(|_| LookError::NoPlace(month))?;
        match Place::decode(&plain).map_err(|_| LookError::NoPlace(month))? {
            Place::Unconfirmed => Err(LookError::Unconfirmed),
            place @ Place::Subjects(_) => Ok((logged(&proven), place)),
        }
    }

    fn body(&self, released: bool) -> Map<String, serde_json::Value> {
        let mut body = Map::new();
        body.insert("reason".to_owned(), self.reason.into());
        if let Some(case) = self.case {
            body.insert("onBehalfOf".to_owned(), json!({ "case": case }));
            if released {
                body.insert("releasedBy".to_owned(), json!({ "case": case }));
            }
        }
        body
    }

    /// The receipt, verified against the log's key that the FG holds, about a granted look of this kind.
    fn proven(&self, answer: &Answer, command: Option<LookCommand>) -> Result<Proven, LookError> {
        let proven = if let Some((inner, digest)) = receipt::split_answer(answer.text()) {
            receipt::verify(inner, self.log, Some(&digest))?
        } else {
            let inner = answer.receipt().map(ToString::to_string).unwrap_or_default();
            receipt::verify(&inner, self.log, None)?
        };
        let event = &proven.leaf.event;
        let says = command.map(|command| Value::Text(command.as_str().to_owned()));
        if event.kind == Kind::LogRead
            && event.decision.as_deref() == Some(GRANTED)
            && event.extra.get(&extra::COMMAND) == says.as_ref()
        {
            Ok(proven)
        } else {
            Err(LookError::OtherLook)
        }
    }
}

fn logged(proven: &Proven) -> Logged {
    Logged {
        origin: proven.origin.clone(),
        index: proven.index,
        entry_id: data_encoding::HEXLOWER.encode(&proven.leaf.event.entry_id),
        time: proven.leaf.time,
    }
}

/// `u32be(length) ‖ salt ‖ what is sought ‖ zeros`, sealed to the FG's own key.
fn seal_sought(
    keys: &FgPrivateKeys,
    month: Month,
    origin: &str,
    opened: &[u8],
) -> Result<Vec<u8>, LookError> {
    let length = u32::try_from(opened.len()).map_err(|_| SealingError)?;
    let mut plain = Zeroizing::new(length.to_be_bytes().to_vec());
    plain.extend_from_slice(opened);
    let padded = plain.len().next_multiple_of(SOUGHT_STEP);
    plain.resize(padded, 0);
    let context = Context {
        origin,
        month,
        what: Sealed::Sought,
    };
    let public = sealing::public_key(keys.of(month)?)?;
    Ok(sealing::seal(&public, context, &plain)?)
}

/// Opens what an earlier look sought, and holds it against the commitment in its leaf; `None` where it does not fit.
///
/// # Errors
/// When it cannot be opened.
pub fn open_sought(
    keys: &FgPrivateKeys,
    month: Month,
    origin: &str,
    sealed: &[u8],
    commitment: &[u8],
) -> Result<Option<String>, LookError> {
    let context = Context {
        origin,
        month,
        what: Sealed::Sought,
    };
    let plain = sealing::open(keys.of(month)?, context, sealed)?;
    let opened = plain.split_first_chunk::<4>().and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        rest.get(..length)
    });
    let opened = opened.ok_or(SealingError)?;
    if sha256(&[SOUGHT, opened].concat()) != commitment {
        return Ok(None);
    }
    let sought = opened.get(32..).unwrap_or_default();
    Ok(String::from_utf8(sought.to_vec()).ok())
}
