//! What a request left on the stack is wiped: registers and locals of parsers hold pieces of its body, and no allocator
//! sees them.

use std::future::poll_fn;
use std::hint::black_box;
use std::pin::pin;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

/// How deep the calls of one turn of a request go, in bytes. An unoptimised build lays its locals out wider than the one
/// that is shipped, which needs less.
const DEPTH_MAX: usize = if cfg!(debug_assertions) {
    256 << 10
} else {
    32 << 10
};

/// Wipes, after each turn of a request, the stack on which it was: the next turn may be on another thread.
pub(super) async fn wiped(request: Request, next: Next) -> Response {
    let mut answer = pin!(next.run(request));
    poll_fn(|context| {
        let polled = answer.as_mut().poll(context);
        wipe();
        polled
    })
    .await
}

/// Overwrites what lies below the caller's frame.
#[expect(clippy::large_stack_arrays, reason = "the stack is what is wiped")]
#[inline(never)]
fn wipe() {
    black_box(&mut [0_u8; DEPTH_MAX]);
}
