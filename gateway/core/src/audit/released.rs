//! The digest of the figures that an epoch released, which the entry of the release has: who changes a cell afterwards, or
//! releases others, is found by it.

use ring::digest::{Context, SHA256};

use super::Hash;

const PREFIX: &[u8] = b"doelpoort-cells\x01";

/// `SHA-256("doelpoort-cells" ‖ 0x01 ‖ for each cell u32be(len(name)) ‖ name ‖ i64be(figure))`, cells by the bytes of their
/// names.
pub fn released_digest(cells: &mut [(String, i64)]) -> Hash {
    cells.sort_unstable();
    let mut digest = Context::new(&SHA256);
    digest.update(PREFIX);
    for (name, figure) in cells {
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        digest.update(&length.to_be_bytes());
        digest.update(name.as_bytes());
        digest.update(&figure.to_be_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_cells_does_not_matter_and_all_else_does() {
        let cells = |cells: &[(&str, i64)]| {
            let mut cells: Vec<_> = cells.iter().map(|(name, y)| ((*name).to_owned(), *y)).collect();
            released_digest(&mut cells)
        };
        let all = cells(&[("a", 1), ("b", -2)]);
        assert_eq!(all, cells(&[("b", -2), ("a", 1)]));
        for other in [
            cells(&[("a", 1)]),
            cells(&[("a", 1), ("b", 2)]),
            cells(&[("a", -2), ("b", 1)]),
            cells(&[]),
        ] {
            assert_ne!(all, other);
        }
    }
}
