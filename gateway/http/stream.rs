//! A body that is cut when the purpose it is answered under stops.
//!
//! Before each piece the policies in force are looked at, and a piece waits while the last word of the log is older than a
//! second. So a withdrawal stops an answer that is being sent, by whichever replica; what the network already holds is
//! out. The length is told beforehand, so that the client sees that the answer broke off.
//! What leaves in pieces is followed by an entry that tells how it ended.

mod completion;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use data_encoding::BASE64;
use doelpoort_core::audit::leaf::{Event, Leaf};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::{ClientId, Slug};
use doelpoort_core::policy::{InvalidApproval, Standing};
use hyper::body::{Bytes, Frame, SizeHint};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::call::Call;
use crate::clock::Clock;
use crate::gateway::{Current, Gateway, PolicySet, WORD_AGE_MAX};
use crate::identity::PeerCertificate;

use completion::{Completion, End};

/// Bytes that are given to the connection at once.
const PIECE_BYTES_MAX: usize = 16 * 1024;

/// The answer was cut: what it was answered under no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer was cut: its purpose no longer acts as it did")]
struct Cut;

/// A body that may be sent as long as its purpose acts as it did when it was recorded.
struct WatchedBody {
    rest: Bytes,
    completion: Completion,
    watch: Watch,
    words: watch::Receiver<Instant>,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ended: bool,
}

/// Under what an answer was given, as its own log entry says, and to whom.
struct Watch {
    policies: Arc<PolicySet>,
    clock: Arc<dyn Clock>,
    event: Event,
    recorded: Timestamp,
    purpose: Name,
    grant: usize,
    /// The policies that it was decided under.
    decided: Option<Arc<Current>>,
    client: ClientId,
    certificate: Arc<PeerCertificate>,
    /// For whose rows the grant slept already: the answer holds none of them.
    asleep: BTreeSet<Slug>,
}

/// The body of the answer to a call, with the number of rows that it lists. Where its receipt names no purpose there is
/// nothing that could be withdrawn.
pub(super) fn body(gateway: &Gateway, call: &Call, (bytes, rows): (Vec<u8>, u64), receipt: &Receipt) -> Body {
    match Watch::of(gateway, call, receipt) {
        None => Body::from(bytes),
        Some(watch) => Body::new(WatchedBody {
            rest: Bytes::from(bytes),
            completion: Completion::of(gateway, &watch.event, rows),
            words: gateway.policies.words(),
            watch,
            waiting: None,
            ended: false,
        }),
    }
}

/// No body: the client has the answer already.
pub(super) fn unchanged(gateway: &Gateway, receipt: &Receipt) -> Body {
    if let Some(leaf) = leaf(receipt) {
        Completion::of(gateway, &leaf.event, 0).tell(End::Unchanged);
    }
    Body::empty()
}

fn leaf(receipt: &Receipt) -> Option<Leaf> {
    Leaf::decode(&BASE64.decode(receipt.leaf.as_bytes()).ok()?).ok()
}

impl Watch {
    fn of(gateway: &Gateway, call: &Call, receipt: &Receipt) -> Option<Self> {
        let leaf = leaf(receipt)?;
        let purpose: Name = leaf.event.purpose.as_ref()?.id.parse().ok()?;
        let grant = leaf.event.clause.as_deref()?.rsplit('/').next()?.parse().ok()?;
        let now = gateway.clock.now();
        let decided = gateway
            .policies
            .with_manifest(&purpose, leaf.event.policy.as_ref()?);
        let asleep = decided.as_ref().and_then(|decided| {
            let standing = decided.policies.purposes.get(&purpose)?;
            Some(standing.asleep(grant, now))
        });
        Some(Self {
            policies: Arc::clone(&gateway.policies),
            clock: Arc::clone(&gateway.clock),
            recorded: Timestamp::from_microsecond(leaf.time).ok()?,
            asleep: asleep
                .unwrap_or_default()
                .into_iter()
                .map(|one| one.organisation)
                .collect(),
            event: leaf.event,
            purpose,
            grant,
            decided,
            client: call.caller.client.clone(),
            certificate: Arc::clone(&call.certificate),
        })
    }

    /// Whether the answer may go on.
    fn holds(&self) -> bool {
        let current = self.policies.current();
        let standing = current.policies.purposes.get(&self.purpose);
        current.in_force && standing.is_some_and(|standing| self.stands(standing, &current))
    }

    fn stands(&self, standing: &Standing, current: &Current) -> bool {
        let now = self.clock.now();
        let same =
            self.event.policy == Some(standing.manifest_digest) || self.is_still_granted(standing, current);
        if !same || standing.acts(now).is_err() {
            return false;
        }
        let asleep = standing.asleep(self.grant, now);
        asleep.iter().all(|missing| {
            // Who withdrew after the answer was recorded may have rows in it.
            let since = matches!(missing.reason, InvalidApproval::Withdrawn { at } if at >= self.recorded);
            !since && self.asleep.contains(&missing.organisation)
        })
    }

    /// Whether another version of the purpose grants the same to this program with this certificate: keys of the parties
    /// may rotate while an answer is on its way.
    fn is_still_granted(&self, standing: &Standing, current: &Current) -> bool {
        let former = self
            .decided
            .as_ref()
            .and_then(|decided| decided.policies.purposes.get(&self.purpose));
        let program = current.policies.organisations.by_client(&self.client);
        former.is_some_and(|former| standing.grants_the_same(former))
            && program.is_some_and(|(organisation, client)| {
                let checked = self.certificate.check(organisation, client, self.clock.now());
                checked.is_ok()
            })
    }
}

impl WatchedBody {
    /// Waits for the next word, if the last one is too old to go by.
    fn wait(&mut self) -> bool {
        let fresh = self.words.borrow_and_update().elapsed() < WORD_AGE_MAX;
        if !fresh {
            let mut words = self.words.clone();
            self.waiting = Some(Box::pin(async move {
                // Whoever gave words is gone: so is the gateway, and what was known no longer counts.
                if words.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }));
        }
        !fresh
    }

    fn piece(&mut self) -> Bytes {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES_MAX));
        self.completion.given(&piece);
        if self.rest.is_empty() {
            self.completion.tell(End::Complete);
        }
        piece
    }
}

impl hyper::body::Body for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        loop {
            if let Some(waiting) = &mut this.waiting {
                ready!(waiting.as_mut().poll(context));
                this.waiting = None;
            }
            if this.ended || this.rest.is_empty() {
                return Poll::Ready(None);
            }
            if !this.watch.holds() {
                this.ended = true;
                this.completion.tell(End::Cut);
                return Poll::Ready(Some(Err(axum::Error::new(Cut))));
            }
            if !this.wait() {
                return Poll::Ready(Some(Ok(Frame::data(this.piece()))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
