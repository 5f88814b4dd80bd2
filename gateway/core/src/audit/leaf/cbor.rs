//! Writing CBOR in its one deterministic spelling (RFC 8949 section 4.2.1): shortest heads, definite lengths. Maps
//! are sorted by whoever writes them.

/// CBOR bytes under construction.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn uint(&mut self, value: u64) {
        self.head(0, value);
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.head(2, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    pub(super) fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(super) fn array(&mut self, length: usize) {
        self.head(4, length as u64);
    }

    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let [.., b3, b2, b1, b0] = value.to_be_bytes();
        match value {
            0..=23 => self.bytes.push(major | b0),
            24..=0xff => self.bytes.extend([major | 0x18, b0]),
            0x100..=0xffff => self.bytes.extend([major | 0x19, b1, b0]),
            0x1_0000..=0xffff_ffff => self.bytes.extend([major | 0x1a, b3, b2, b1, b0]),
            _ => {
                self.bytes.push(major | 0x1b);
                self.bytes.extend(value.to_be_bytes());
            }
        }
    }
}

/// A map with unsigned keys. Entries must be added in ascending order of their keys.
#[derive(Default)]
pub(super) struct Map {
    length: u64,
    body: Writer,
}

impl Map {
    /// Adds one entry; `value` writes exactly one item.
    pub(super) fn entry(&mut self, key: u64, value: impl FnOnce(&mut Writer)) {
        self.length += 1;
        self.body.uint(key);
        value(&mut self.body);
    }

    /// Adds an entry if there is a value.
    pub(super) fn optional<V>(&mut self, key: u64, value: Option<V>, write: impl FnOnce(&mut Writer, V)) {
        if let Some(value) = value {
            self.entry(key, |writer| write(writer, value));
        }
    }

    /// Adds this map as an entry of another, unless it is empty.
    pub(super) fn into_entry_of(self, outer: &mut Self, key: u64) {
        if self.length > 0 {
            outer.entry(key, |writer| writer.bytes.extend(self.finish()));
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut whole = Writer::default();
        whole.head(5, self.length);
        whole.bytes.extend(self.body.bytes);
        whole.bytes
    }
}
