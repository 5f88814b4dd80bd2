//! The trace of a request: the caller's (W3C Trace Context) or a fresh one; our own span in either case. Each request gets
//! one, before anything else looks at it.

use axum::http::HeaderMap;
use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::exchange::Trace;

/// What a `traceparent` says.
struct Parent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    /// Whether the caller records it, and wants that we do (section 3.2.2.5).
    sampled: bool,
}

/// The trace of a request, and where its span belongs.
pub(super) struct Traced {
    pub(super) trace: Trace,
    /// The caller's span.
    pub(super) parent: Option<[u8; 8]>,
    /// Whether a span is told: unless the caller says that it records none.
    pub(super) sampled: bool,
}

/// The trace that this request belongs to. A `traceparent` that is not one is passed over (section 3.2.2).
pub(super) fn of(headers: &HeaderMap, random: &SystemRandom) -> Traced {
    let mut fresh = [0; 16];
    // Without randomness a trace is all zeros: it only helps to find log lines.
    let _ = random.fill(&mut fresh);
    let given = headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .and_then(parent);
    Traced {
        trace: Trace {
            trace_id: given.as_ref().map_or(fresh, |parent| parent.trace_id),
            span_id: span_id(random),
        },
        sampled: given.as_ref().is_none_or(|parent| parent.sampled),
        parent: given.map(|parent| parent.span_id),
    }
}

/// A fresh one.
pub(super) fn span_id(random: &SystemRandom) -> [u8; 8] {
    let mut span_id = [0; 8];
    let _ = random.fill(&mut span_id);
    span_id
}

fn parent(header: &str) -> Option<Parent> {
    let mut parts = header.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = version == "00" && parts.next().is_none();
    // A later version may say more behind it (section 4.2.5).
    let later = version.len() == 2 && version > "00" && version != "ff";
    if !known && !later || HEXLOWER.decode(version.as_bytes()).is_err() {
        return None;
    }
    let [flags] = bytes::<1>(flags)?;
    let (trace_id, span_id) = (bytes(trace)?, bytes(span)?);
    (trace_id != [0; 16] && span_id != [0; 8]).then_some(Parent {
        trace_id,
        span_id,
        sampled: flags & 1 == 1,
    })
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn traced(header: &str) -> Traced {
        let headers = [(
            axum::http::HeaderName::from_static("traceparent"),
            header.parse().unwrap(),
        )];
        of(&headers.into_iter().collect(), &SystemRandom::new())
    }

    #[test]
    fn a_caller_s_trace_is_taken_over_with_its_span() {
        for (header, sampled) in [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-00"), false),
            (format!("01-{TRACE}-{SPAN}-03-more"), true),
        ] {
            let traced = traced(&header);
            assert_eq!(traced.trace.id(), TRACE, "{header}");
            assert_eq!(
                traced.parent.map(|span| HEXLOWER.encode(&span)).as_deref(),
                Some(SPAN)
            );
            assert_eq!(traced.sampled, sampled, "{header}");
            assert_ne!(Some(traced.trace.span_id), traced.parent);
        }
    }

    #[test]
    fn what_is_no_trace_is_passed_over() {
        let zeros = "0".repeat(32);
        for header in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("0-{TRACE}-{SPAN}-01"),
        ] {
            let traced = traced(&header);
            assert!(traced.parent.is_none() && traced.sampled, "{header}");
            assert_ne!(traced.trace.id(), TRACE, "{header}");
        }
    }
}
