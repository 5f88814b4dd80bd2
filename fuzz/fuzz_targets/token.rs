#![no_main]

#[path = "../token.rs"]
#[allow(dead_code, reason = "the normal tests use the rest")]
mod token;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (header, claims) = text.split_once('\n').unwrap_or((&token::GOOD.0, text));
    token::token(header, claims);
});
