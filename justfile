# What a developer types. `just check` is what CI does.

# List the recipes
default:
    @just --list --unsorted

# Everything that CI does, fastest complaint first
check:
    tests/run

# The checks that take seconds
quick:
    tests/run format spelling scripts dependencies

# Write everything in its form
format:
    cargo fmt --all
    taplo fmt

# Lints, as CI has them
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings

# All tests on SQLite and PostgreSQL
test:
    tests/run tests

# Tests by name, on SQLite: `just try merges_the_next_day`
try NAME:
    cargo nextest run --workspace -E 'test({{ NAME }})'

# Look at changed snapshots and accept them one by one
snapshots:
    cargo insta review

# Make and start everything on this machine
demo *ARGUMENTS:
    cargo run --release -- demo {{ ARGUMENTS }}

# Ours beside what one would build instead
bench:
    tests/bench/run

# Entries appended beside one INSERT and commit each, and a million of them verified
bench-append:
    tests/bench/append

# Our decisions beside Cedar's, at 10 to 10,000 purposes
bench-decide:
    CARGO_TARGET_DIR=target/cedar cargo run --release --locked --manifest-path tests/cedar/Cargo.toml --example decide
