//! The trace of a request: the caller's (W3C Trace Context) or a fresh one; our own span in either case.

use axum::http::HeaderMap;
use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::exchange::Trace;

/// The trace that this request belongs to. A `traceparent` that is not one is passed over (section 3.2.2).
pub(crate) fn of(headers: &HeaderMap, random: &SystemRandom) -> Trace {
    let mut span_id = [0; 8];
    let mut fresh = [0; 16];
    // Without randomness a trace is all zeros: it only helps to find log lines.
    let _ = random.fill(&mut span_id);
    let _ = random.fill(&mut fresh);
    let given = headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .and_then(trace_id);
    Trace {
        trace_id: given.unwrap_or(fresh),
        span_id,
    }
}

fn trace_id(header: &str) -> Option<[u8; 16]> {
    let mut parts = header.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || trace.len() != 32 {
        return None;
    }
    let bytes: [u8; 16] = HEXLOWER.decode(trace.as_bytes()).ok()?.try_into().ok()?;
    (bytes != [0; 16]).then_some(bytes)
}
