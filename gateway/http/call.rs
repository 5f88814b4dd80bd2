//! A call by who has a token: what each of its routes must know of it, to answer and to refuse alike.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use doelpoort_core::party::Caller;
use tokio::time::Instant;

use super::even;
use super::language::Language;
use super::needs::Identified;
use super::problem::Problem;
use crate::exchange::{Refusal, Trace};
use crate::identity::PeerCertificate;
use crate::serve::Peer;

/// A call. Only a route that needs a token can have one.
pub(super) struct Call {
    /// Who calls.
    pub(super) caller: Caller,
    /// The language that the caller reads.
    pub(super) language: Language,
    /// The trace that the call belongs to.
    pub(super) trace: Trace,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// What the caller proves itself by, on this connection.
    pub(super) certificate: Arc<PeerCertificate>,
    uri: Uri,
    began: Instant,
}

impl Call {
    /// The same after the time that every refusal of a member of staff takes.
    pub(super) async fn refused_in_time(&self, refusal: Refusal) -> Problem {
        if matches!(refusal, Refusal::Staff) {
            even::out(self.began).await;
        }
        self.refused(refusal)
    }

    /// The refusal of this call, as its caller reads it.
    pub(super) fn refused(&self, refusal: Refusal) -> Problem {
        self.problem(Problem::refusal(refusal, self.language))
    }

    /// A problem that says with which call it came up.
    pub(super) fn problem(&self, problem: Problem) -> Problem {
        problem.at(self.uri.path(), &self.trace.id())
    }
}

impl FromRequestParts<Identified> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, guard: &Identified) -> Result<Self, Problem> {
        let language = Language::of(&parts.headers);
        // The guard has put the caller there, or refused.
        let caller = parts.extensions.remove::<Caller>();
        let certificate = parts.extensions.get::<Peer>();
        let certificate = certificate.and_then(|peer| peer.certificate.clone().ok());
        let trace = parts.extensions.get::<Trace>().copied();
        let (Some(caller), Some(certificate), Some(trace)) = (caller, certificate, trace) else {
            return Err(Problem::new("internal-error", "", language));
        };
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(parts, guard).await;
        Ok(Self {
            caller,
            language,
            trace,
            headers: parts.headers.clone(),
            certificate,
            uri,
            began: Instant::now(),
        })
    }
}
