//! Rebuilds the gateway when a migration is added: `sqlx::migrate!` embeds the folders at compile time.

#[expect(clippy::print_stdout, reason = "a build script speaks to cargo on stdout")]
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
