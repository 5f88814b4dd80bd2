#![no_main]

#[path = "../entries.rs"]
#[allow(dead_code, reason = "each target uses one of the entries")]
mod entries;

libfuzzer_sys::fuzz_target!(|text: &str| entries::config(text));
